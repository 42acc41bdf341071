//! The name of a file on the hub: nothing in it has a meaning in a URL or on a disk.

use super::HubError;

/// A file of a repository at a revision.
#[derive(Clone, Copy, Debug)]
pub(super) struct Address<'a> {
    pub(super) repo: &'a str,
    pub(super) revision: &'a str,
    pub(super) path: &'a str,
}

impl<'a> Address<'a> {
    pub(super) fn new(repo: &'a str, revision: &'a str, path: &'a str) -> Result<Self, HubError> {
        let require = |holds, name: &str, what| {
            if holds { Ok(()) } else { Err(HubError::Name(name.escape_debug().to_string(), what)) }
        };
        let is_repo = is_plain_path(repo) && repo.split('/').count() == 2 && !repo.contains("--");
        require(is_repo, repo, "repository of the form organisation/name")?;
        require(is_hex(revision, 40), revision, "revision of 40 hexadecimal digits")?;
        require(is_plain_path(path), path, "path of plain names")?;
        Ok(Self { repo, revision, path })
    }
}

/// Names of letters, digits, `.`, `_` and `-` that begin with a letter or digit, joined by `/`.
fn is_plain_path(path: &str) -> bool {
    path.len() <= 200
        && path.split('/').all(|name| {
            name.starts_with(|first: char| first.is_ascii_alphanumeric())
                && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
        })
}

/// So many lower-case hexadecimal digits.
pub(super) fn is_hex(text: &str, digits: usize) -> bool {
    text.len() == digits && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_lead_elsewhere_are_refused() {
        let revision = "0123456789abcdef0123456789abcdef01234567";
        assert!(Address::new("org/name", revision, "a/model.safetensors").is_ok());
        for (repo, revision, path) in [
            ("org", revision, "a"),
            ("../name", revision, "a"),
            ("org/na--me", revision, "a"),
            ("org/name/x", revision, "a"),
            ("org/name?x", revision, "a"),
            ("org/name", "main", "a"),
            ("org/name", "../../456789abcdef0123456789abcdef01234567", "a"),
            ("org/name", revision, "../a"),
            ("org/name", revision, "/a"),
            ("org/name", revision, "a//b"),
            ("org/name", revision, "a/.b"),
            ("org/name", revision, "a%2fb"),
            ("org/name", revision, "a\nb"),
            ("org/name", revision, ""),
        ] {
            assert!(Address::new(repo, revision, path).is_err(), "{repo} {revision} {path:?}");
        }
    }
}

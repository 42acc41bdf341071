//! How the hub is reached, as Python's `huggingface_hub` reads it from the environment (its reference, "Environment variables").

use std::ffi::OsString;
use std::path::PathBuf;

use anyhow::anyhow;
use proofmark_models::hub::{HubSettings, Network, Patience, Proxy, Token};

use crate::{Failure, Outcome};

const ENDPOINT: &str = "https://huggingface.co";

/// The settings of this process.
pub(crate) fn settings() -> Result<HubSettings, Failure> {
    let variables = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
    let mut settings = of_variables(variables, |path| std::fs::read_to_string(path).ok())?;
    settings.proxy = Proxy::try_from_env();
    Ok(settings)
}

fn of_variables(
    variable: impl Fn(&str) -> Option<OsString>,
    read: impl Fn(&PathBuf) -> Option<String>,
) -> Result<HubSettings, Failure> {
    let user = variable("HOME").map(PathBuf::from);
    let text = |name: &str| variable(name).and_then(|value| value.into_string().ok());
    let folder = |name: &str| {
        let path = PathBuf::from(variable(name)?);
        match (path.strip_prefix("~"), &user) {
            (Ok(below), Some(user)) => Some(user.join(below)),
            _ => Some(path),
        }
    };
    let cache = || folder("XDG_CACHE_HOME").or_else(|| Some(user.as_ref()?.join(".cache")));
    let home = folder("HF_HOME").or_else(|| Some(cache()?.join("huggingface"))).ok_or_else(|| {
        let error = anyhow!("neither HF_HOME nor HOME names a folder for the hub's cache");
        Failure::new(Outcome::BadInput, error).hint("set HF_HOME")
    })?;
    let is_set = |name| text(name).is_some_and(|value| is_yes(&value));
    let stored = || {
        let path = folder("HF_TOKEN_PATH").unwrap_or_else(|| home.join("token"));
        read(&path).filter(|_| !is_set("HF_HUB_DISABLE_IMPLICIT_TOKEN"))
    };
    let token = text("HF_TOKEN").or_else(|| text("HUGGING_FACE_HUB_TOKEN")).or_else(stored);
    let token = token.map(|token| token.trim().to_owned()).filter(|token| !token.is_empty());
    let is_offline = is_set("HF_HUB_OFFLINE") || is_set("TRANSFORMERS_OFFLINE");
    Ok(HubSettings {
        cache: folder("HF_HUB_CACHE")
            .or_else(|| folder("HUGGINGFACE_HUB_CACHE"))
            .unwrap_or_else(|| home.join("hub")),
        endpoint: text("HF_ENDPOINT").unwrap_or_else(|| ENDPOINT.to_owned()),
        token: token.map(Token::new),
        network: if is_offline { Network::Offline } else { Network::Online },
        proxy: None,
        patience: Patience::default(),
    })
}

fn is_yes(value: &str) -> bool {
    ["1", "ON", "YES", "TRUE"].contains(&&*value.to_ascii_uppercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(variables: &[(&str, &str)]) -> HubSettings {
        let variable = |name: &str| {
            let set = variables.iter().find(|(set, _)| *set == name);
            set.map(|(_, value)| OsString::from(value))
        };
        of_variables(variable, |path| Some(format!("from {}\n", path.display()))).unwrap()
    }

    #[test]
    fn the_cache_is_where_python_has_it() {
        for (variables, cache) in [
            (&[("HOME", "/h")][..], "/h/.cache/huggingface/hub"),
            (&[("HOME", "/h"), ("XDG_CACHE_HOME", "/c")], "/c/huggingface/hub"),
            (&[("HOME", "/h"), ("HF_HOME", "/hf")], "/hf/hub"),
            (&[("HOME", "/h"), ("HF_HOME", "~/hf")], "/h/hf/hub"),
            (&[("HF_HOME", "/hf"), ("HF_HUB_CACHE", "/blobs")], "/blobs"),
            (&[("HF_HOME", "/hf"), ("HUGGINGFACE_HUB_CACHE", "/old")], "/old"),
        ] {
            assert_eq!(of(variables).cache, PathBuf::from(cache), "{variables:?}");
        }
        assert!(of_variables(|_| None, |_| None).is_err());
    }

    #[test]
    fn the_token_is_the_environments_or_that_of_the_login() {
        let home = ("HF_HOME", "/hf");
        for (variables, token) in [
            (&[home][..], Some("from /hf/token")),
            (&[home, ("HF_TOKEN_PATH", "/t")], Some("from /t")),
            (&[home, ("HF_TOKEN", " hf_x\n")], Some("hf_x")),
            (&[home, ("HUGGING_FACE_HUB_TOKEN", "hf_old")], Some("hf_old")),
            (&[home, ("HF_HUB_DISABLE_IMPLICIT_TOKEN", "1")], None),
        ] {
            assert_eq!(of(variables).token, token.map(|token| Token::new(token.to_owned())), "{variables:?}");
        }
    }

    #[test]
    fn offline_and_endpoint_are_honoured() {
        let home = ("HF_HOME", "/hf");
        assert_eq!((of(&[home]).network, of(&[home]).endpoint.as_str()), (Network::Online, ENDPOINT));
        assert_eq!(of(&[home, ("HF_ENDPOINT", "http://mirror")]).endpoint, "http://mirror");
        for (value, network) in [
            ("1", Network::Offline),
            ("true", Network::Offline),
            ("0", Network::Online),
            ("no", Network::Online),
        ] {
            assert_eq!(of(&[home, ("HF_HUB_OFFLINE", value)]).network, network, "{value}");
        }
    }
}

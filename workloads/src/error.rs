/// Why a suite or a mix was refused: what, and where.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{file}:{line}: {fact}")]
pub struct SuiteError {
    /// The file's name, as given by the caller.
    pub file: String,
    /// Counted from 1.
    pub line: usize,
    /// What is wrong there.
    pub fact: String,
}

impl SuiteError {
    /// An error at a byte offset of `text`.
    pub(crate) fn at(file: &str, text: &str, offset: usize, fact: impl Into<String>) -> Self {
        let before = text.as_bytes().get(..offset).unwrap_or_default();
        let line = 1 + before.iter().filter(|byte| **byte == b'\n').count();
        // A parser's message may span lines; an error is one.
        let fact = fact.into().split_whitespace().collect::<Vec<_>>().join(" ");
        Self { file: file.to_owned(), line, fact }
    }
}

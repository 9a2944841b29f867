//! Passwords and tokens: the configuration says where they are, never what they are.

use std::fmt;
use std::path::PathBuf;

use serde::{Deserialize, Deserializer, de};

/// `env:NAME` or `file:/run/secrets/NAME`. What it stands for is read when it is needed, and never printed.
#[derive(Clone, PartialEq, Eq)]
pub enum Secret {
    Environment(String),
    File(PathBuf),
}

/// Why a secret is not to be had.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum SecretError {
    #[error("the environment has no {0}, which the source takes its secret from")]
    NoVariable(String),
    #[error("the secret in {path} cannot be read: {reason}")]
    NoFile { path: String, reason: String },
    #[error("the secret in {0} is empty")]
    Empty(Secret),
}

impl Secret {
    /// What it stands for; without the line end of a file.
    ///
    /// # Errors
    /// Where it should have been.
    pub fn reveal(&self) -> Result<String, SecretError> {
        let text = match self {
            Self::Environment(name) => std::env::var(name).map_err(|_| SecretError::NoVariable(name.clone()))?,
            Self::File(path) => std::fs::read_to_string(path)
                .map_err(|error| SecretError::NoFile { path: path.display().to_string(), reason: error.to_string() })?,
        };
        let text = text.trim_end_matches(['\r', '\n']);
        if text.is_empty() { Err(SecretError::Empty(self.clone())) } else { Ok(text.to_owned()) }
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Environment(name) => write!(f, "env:{name}"),
            Self::File(path) => write!(f, "file:{}", path.display()),
        }
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        match text.split_once(':') {
            Some(("env", name)) if !name.is_empty() => Ok(Self::Environment(name.to_owned())),
            Some(("file", path)) if !path.is_empty() => Ok(Self::File(path.into())),
            // It may be the secret itself.
            _ => Err(de::Error::custom(
                "a secret is not written here; say where it is: 'env:NAME' of the environment or 'file:/run/secrets/NAME'",
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Deserialize)]
    struct Of {
        secret: Secret,
    }

    fn read(text: &str) -> Result<Secret, String> {
        toml::from_str::<Of>(&format!("secret = '{text}'"))
            .map(|of| of.secret)
            .map_err(|error| error.message().to_owned())
    }

    #[test]
    fn a_secret_is_where_it_is_said_to_be_and_is_not_printed() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "s3cret\n").unwrap();
        let secret = read(&format!("file:{}", file.path().display())).unwrap();
        assert_eq!(secret.reveal().unwrap(), "s3cret");
        assert!(!format!("{secret:?} {secret}").contains("s3cret"));
        std::fs::write(file.path(), "\n").unwrap();
        assert!(secret.reveal().unwrap_err().to_string().ends_with("is empty"));
        let none = read("env:IOC_NO_SUCH_SECRET").unwrap();
        assert!(none.reveal().unwrap_err().to_string().contains("has no IOC_NO_SUCH_SECRET"));
        assert!(read("file:/no/such/file").unwrap().reveal().unwrap_err().to_string().contains("/no/such/file"));
    }

    #[test]
    fn a_secret_that_is_written_down_is_refused_without_being_told() {
        for text in ["s3cret", "env:", "https://user:s3cret@host"] {
            let said = read(text).unwrap_err();
            assert!(said.contains("a secret is not written here") && !said.contains("s3cret"), "{said}");
        }
    }
}

//! Certificates of an authority of the test's own.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use anyhow::Result;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};

/// Where a server's certificate for `localhost` lies, and that of the authority that signed it.
pub struct Certificates {
    pub authority: PathBuf,
    pub certificate: PathBuf,
    pub key: PathBuf,
}

impl Certificates {
    /// Makes them, as PEM in `folder`.
    ///
    /// # Errors
    /// When they cannot be written.
    pub fn make(folder: &Path) -> Result<Self> {
        let authority = authority()?;
        let key = KeyPair::generate()?;
        let certificate = CertificateParams::new(vec!["localhost".to_owned()])?.signed_by(&key, &authority)?;
        let write = |name: &str, pem: String| {
            let path = folder.join(name);
            std::fs::write(&path, pem).map(|()| path)
        };
        let key = write("key.pem", key.serialize_pem())?;
        // A server does not take a key that others can read.
        std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o600))?;
        Ok(Self {
            authority: write("authority.pem", authority.pem())?,
            certificate: write("certificate.pem", certificate.pem())?,
            key,
        })
    }
}

/// The certificate of an authority that signed nothing.
///
/// # Errors
/// When it cannot be made.
pub fn stranger() -> Result<String> {
    Ok(authority()?.pem())
}

fn authority() -> Result<CertifiedIssuer<'static, KeyPair>> {
    let mut params = CertificateParams::new(Vec::new())?;
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.distinguished_name.push(DnType::CommonName, "An authority of a province");
    Ok(CertifiedIssuer::self_signed(params, KeyPair::generate()?)?)
}

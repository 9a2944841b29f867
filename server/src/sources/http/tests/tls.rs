//! Who the other side is: certificates that are right, of another authority, and of another name.

use std::io::Write;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_rustls::TlsAcceptor;

use super::*;

/// An authority of the test's own.
fn authority() -> CertifiedIssuer<'static, KeyPair> {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.distinguished_name.push(rcgen::DnType::CommonName, "An authority of a province");
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

/// A server of HTTPS with a certificate for `name` by `authority`; where it is.
async fn serve(authority: &CertifiedIssuer<'static, KeyPair>, name: &str) -> SocketAddr {
    crate::tls::provide();
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new(vec![name.to_owned()]).unwrap().signed_by(&key, authority).unwrap();
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let config = ServerConfig::builder().with_no_client_auth().with_single_cert(vec![certificate.der().clone()], key);
    let acceptor = TlsAcceptor::from(Arc::new(config.unwrap()));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            // One who does not trust us goes away.
            tokio::spawn(async move {
                let mut stream = acceptor.accept(stream).await?;
                let mut asked = [0; 4096];
                let _length = stream.read(&mut asked).await?;
                let body = r#"[{"nam": "2015", "thu": 7}]"#;
                let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\ncontent-length";
                stream.write_all(format!("{head}: {}\r\n\r\n{body}", body.len()).as_bytes()).await?;
                stream.shutdown().await
            });
        }
    });
    address
}

/// What comes of asking a server, when only `trusted` is trusted besides the authorities of this machine.
async fn asked(address: SocketAddr, host: &str, trusted: Option<&str>) -> Result<Vec<f64>, String> {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(trusted.unwrap_or_default().as_bytes()).unwrap();
    let ca_file = trusted.map(|_| format!("ca_file = '{}'", file.path().display())).unwrap_or_default();
    let source = http(&format!("https://{host}:{}/thu", address.port()), &format!("allow_private = true\n{ca_file}"));
    let sample = source.sample(Timestamp::from_secs(1_700_000_000), 10).unwrap().await;
    let pieces = sample.map_err(|error| error.to_string())?.pieces;
    Ok(pieces.iter().flat_map(|piece| piece.rows.iter().map(|(_, row)| row.value)).collect())
}

#[tokio::test]
async fn only_who_is_vouched_for_is_asked() {
    let (ours, another) = (authority(), authority());
    let (ours_pem, another_pem) = (ours.pem(), another.pem());
    let server = serve(&ours, "localhost").await;
    assert_eq!(asked(server, "localhost", Some(&ours_pem)).await, Ok(vec![7.0]));
    for (host, trusted, expected) in [
        // Nobody of this machine's authorities vouches for it; nor does another authority of the same name.
        ("localhost", None, "UnknownIssuer"),
        ("localhost", Some(&*another_pem), "certificate"),
        // It is who it is, but not who was asked for.
        ("127.0.0.1", Some(&*ours_pem), "not valid for name"),
    ] {
        let said = asked(server, host, trusted).await.unwrap_err();
        assert!(said.starts_with("it cannot be reached") && said.contains(expected), "{host}: {said}");
    }
    let said = asked(server, "localhost", Some("no certificate")).await.unwrap_err();
    assert!(said.ends_with("there is no certificate in it; it begins with '-----BEGIN'"), "{said}");
}

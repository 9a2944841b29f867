//! A real broker of MQTT in a process of its own.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use tokio::net::TcpStream;
use tokio::process::Command;

use crate::certificates::Certificates;
use crate::eventually;
use crate::process::{Process, free_port};

/// Who may publish and listen.
pub const USER: &str = "ioc";
pub const PASSWORD: &str = "mật-khẩu";

/// A broker that keeps its sessions on disk.
pub struct Mosquitto {
    process: Process,
    folder: PathBuf,
    pub port: u16,
    /// Where it takes TLS.
    pub tls_port: u16,
    pub certificates: Certificates,
}

impl Mosquitto {
    /// Starts one on a free port, with its files in `folder`.
    ///
    /// # Errors
    /// When there is no mosquitto or it does not answer.
    pub async fn start(folder: &Path) -> Result<Self> {
        std::fs::create_dir_all(folder)?;
        let (port, tls_port) = (free_port()?, free_port()?);
        let certificates = Certificates::make(folder)?;
        let path = |name: &str| folder.join(name).display().to_string();
        let made = Command::new("mosquitto_passwd").args(["-c", "-b", &path("users"), USER, PASSWORD]).output().await;
        let made = made.context("mosquitto is missing; scripts/setup.sh test installs it")?;
        ensure!(made.status.success(), "mosquitto_passwd: {}", String::from_utf8_lossy(&made.stderr));
        let settings = format!(
            "listener {port} 127.0.0.1\nlistener {tls_port} 127.0.0.1\ncertfile {}\nkeyfile {}\nallow_anonymous false\npassword_file {}\npersistence true\npersistence_location {}/\nautosave_interval 1\nautosave_on_changes true\n{}",
            certificates.certificate.display(),
            certificates.key.display(),
            path("users"),
            folder.display(),
            // As root it would become another user, who may not read the folder of a test.
            "user root\n"
        );
        std::fs::write(folder.join("mosquitto.conf"), settings)?;
        let broker = Self { process: Self::spawn(folder)?, folder: folder.to_owned(), port, tls_port, certificates };
        broker.ready().await?;
        Ok(broker)
    }

    fn spawn(folder: &Path) -> Result<Process> {
        let settings = folder.join("mosquitto.conf").display().to_string();
        let program = ["/usr/sbin/mosquitto", "/usr/bin/mosquitto"].map(Path::new);
        let program = program.into_iter().find(|path| path.is_file());
        let program = program.context("mosquitto is missing; scripts/setup.sh test installs it")?;
        Process::start(program, &["-c", &settings], &[], &folder.join("mosquitto.log"))
    }

    async fn ready(&self) -> Result<()> {
        let ready = eventually("mosquitto", Duration::from_secs(10), || async {
            drop(TcpStream::connect(("127.0.0.1", self.port)).await?);
            Ok(())
        });
        ready.await.with_context(|| self.process.log_tail())
    }

    /// Publishes a message so that it arrives once at least.
    ///
    /// # Errors
    /// When the broker does not take it.
    pub async fn publish(&self, topic: &str, message: &str) -> Result<()> {
        let port = self.port.to_string();
        let sent = Command::new("mosquitto_pub")
            .args(["-V", "mqttv5", "-h", "127.0.0.1", "-p", &port, "-u", USER, "-P", PASSWORD])
            .args(["-q", "1", "-t", topic, "-m", message])
            .output()
            .await
            .context("mosquitto_pub is missing; scripts/setup.sh test installs it")?;
        ensure!(sent.status.success(), "{topic}: {}", String::from_utf8_lossy(&sent.stderr));
        Ok(())
    }

    /// `kill -9`.
    ///
    /// # Errors
    /// When it cannot be waited for.
    pub async fn kill(&mut self) -> Result<()> {
        self.process.kill().await
    }

    /// Starts it again with the same files at the same port.
    ///
    /// # Errors
    /// When it does not answer.
    pub async fn restart(&mut self) -> Result<()> {
        self.process = Self::spawn(&self.folder)?;
        self.ready().await
    }
}

//! How this server runs: `[server]`, `[access]`, `[log]`, `[hub]` and `[ingest]` of centre.toml, or `IOC_…`.

use serde::Deserialize;

use super::finding::Finding;

/// The address that is listened on unless told otherwise: this machine only.
const DEFAULT_LISTEN: &str = "127.0.0.1:8080";

/// Everything that can be set without touching what the centre knows.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Settings {
    /// An IANA name; days and years of sources begin by it.
    pub time_zone: String,
    pub server: ServerSettings,
    pub access: AccessSettings,
    pub log: LogSettings,
    pub hub: HubSettings,
    pub ingest: IngestSettings,
}

/// `[server]`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ServerSettings {
    /// `address:port`; port 0 picks one.
    pub listen: String,
}

/// `[access]`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AccessSettings {
    /// Whether people sign in and programs show tokens. Without, everybody who reaches the server sees everything, and
    /// changes come from this machine.
    pub accounts: bool,
    /// Whether cookies go over TLS only: where something before this server ends it.
    pub secure_cookies: bool,
}

/// `[log]`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LogSettings {
    /// `redis://…` when several servers share one log; SQLite in the data folder otherwise.
    pub redis: Option<String>,
    /// How the other servers reach this one: `http://10.1.2.3:8080`.
    pub advertise: Option<String>,
}

/// `[hub]`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct HubSettings {
    /// Time between frames of a busy view.
    pub tick_ms: u64,
    /// Numbers of a view change at most this often.
    pub readout_interval_ms: u64,
    /// Most bytes of encoded frames kept for a view.
    pub ring_bytes: usize,
    /// Longest time that frames of a view are kept.
    pub ring_secs: u64,
}

/// `[ingest]`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct IngestSettings {
    pub max_body_bytes: usize,
    pub max_line_bytes: usize,
}

impl Default for ServerSettings {
    fn default() -> Self {
        Self { listen: DEFAULT_LISTEN.to_owned() }
    }
}

impl Default for HubSettings {
    fn default() -> Self {
        Self { tick_ms: 50, readout_interval_ms: 2000, ring_bytes: 8 << 20, ring_secs: 60 }
    }
}

impl Default for IngestSettings {
    fn default() -> Self {
        Self { max_body_bytes: 64 << 20, max_line_bytes: 1 << 20 }
    }
}

impl Settings {
    /// The time zone of the centre.
    #[must_use]
    pub fn zone(&self) -> jiff::tz::TimeZone {
        // It was checked when the settings were read.
        jiff::tz::TimeZone::get(&self.time_zone).unwrap_or(jiff::tz::TimeZone::UTC)
    }

    /// Takes in the environment: `IOC_HUB_TICK_MS=20` stands for `tick_ms = 20` under `[hub]`.
    pub(super) fn overlay(&mut self, environment: &dyn Fn(&str) -> Option<String>, findings: &mut Vec<Finding>) {
        let settings: [(&str, &mut dyn Setting); 12] = [
            ("IOC_TIME_ZONE", &mut self.time_zone),
            ("IOC_SERVER_LISTEN", &mut self.server.listen),
            ("IOC_ACCESS_ACCOUNTS", &mut self.access.accounts),
            ("IOC_ACCESS_SECURE_COOKIES", &mut self.access.secure_cookies),
            ("IOC_LOG_REDIS", &mut self.log.redis),
            ("IOC_LOG_ADVERTISE", &mut self.log.advertise),
            ("IOC_HUB_TICK_MS", &mut self.hub.tick_ms),
            ("IOC_HUB_READOUT_INTERVAL_MS", &mut self.hub.readout_interval_ms),
            ("IOC_HUB_RING_BYTES", &mut self.hub.ring_bytes),
            ("IOC_HUB_RING_SECS", &mut self.hub.ring_secs),
            ("IOC_INGEST_MAX_BODY_BYTES", &mut self.ingest.max_body_bytes),
            ("IOC_INGEST_MAX_LINE_BYTES", &mut self.ingest.max_line_bytes),
        ];
        for (variable, setting) in settings {
            let Some(text) = environment(variable) else { continue };
            if let Err(wanted) = setting.set(&text) {
                findings.push(environment_finding(variable, format!("{variable} is '{text}'; it takes {wanted}")));
            }
        }
    }

    /// What is out of range: where in centre.toml, and what would be right.
    pub(super) fn problems(&self) -> Vec<(&'static [&'static str], String)> {
        let mut problems: Vec<(&'static [&'static str], String)> = Vec::new();
        let mut check = |path: &'static [&'static str], right: bool, message: String| {
            if !right {
                problems.push((path, message));
            }
        };
        let zone = jiff::tz::TimeZone::get(&self.time_zone);
        check(
            &["time_zone"],
            zone.is_ok(),
            format!("time_zone '{}' is not known; use an IANA name such as 'Asia/Ho_Chi_Minh'", self.time_zone),
        );
        let listen = &self.server.listen;
        let port = listen.rsplit_once(':').and_then(|(_, port)| port.parse::<u16>().ok());
        check(
            &["server", "listen"],
            port.is_some(),
            format!("listen '{listen}' is no address; write 'address:port', such as '{DEFAULT_LISTEN}'"),
        );
        if let Some(redis) = &self.log.redis {
            let right =
                ["redis://", "rediss://", "unix://", "redis+unix://"].iter().any(|scheme| redis.starts_with(scheme));
            check(&["log", "redis"], right, format!("redis '{redis}' is no address; write 'redis://host:6379'"));
        }
        if let Some(advertise) = &self.log.advertise {
            let right = advertise.starts_with("http://") || advertise.starts_with("https://");
            check(
                &["log", "advertise"],
                right,
                format!("advertise '{advertise}' is no address; write 'http://host:8080'"),
            );
        }
        self.check_bounds(check);
        problems
    }

    /// These settings for a server that runs with `running`, which keeps what it has to be started again for; and the
    /// names of those that differ there.
    #[must_use]
    pub fn for_running(self, running: &Self) -> (Self, Vec<&'static str>) {
        let Self { time_zone, server, access, log, hub, ingest } = self;
        let ServerSettings { listen } = server;
        let LogSettings { redis, advertise } = log;
        let HubSettings { tick_ms, readout_interval_ms, ring_bytes, ring_secs } = hub;
        let kept = [
            ("server.listen", listen == running.server.listen),
            ("access.accounts", access.accounts == running.access.accounts),
            ("access.secure_cookies", access.secure_cookies == running.access.secure_cookies),
            ("log.redis", redis == running.log.redis),
            ("log.advertise", advertise == running.log.advertise),
            ("hub.tick_ms", tick_ms == running.hub.tick_ms),
            ("hub.readout_interval_ms", readout_interval_ms == running.hub.readout_interval_ms),
            ("hub.ring_bytes", ring_bytes == running.hub.ring_bytes),
            ("hub.ring_secs", ring_secs == running.hub.ring_secs),
        ];
        let differ = kept.into_iter().filter(|(_, is_same)| !is_same).map(|(name, _)| name).collect();
        (Self { time_zone, ingest, ..running.clone() }, differ)
    }

    fn check_bounds(&self, mut check: impl FnMut(&'static [&'static str], bool, String)) {
        let hub = &self.hub;
        check(
            &["hub", "tick_ms"],
            (1..=1000).contains(&hub.tick_ms),
            format!("tick_ms is {}; it is between 1 and 1000", hub.tick_ms),
        );
        check(
            &["hub", "readout_interval_ms"],
            hub.readout_interval_ms <= 60_000,
            format!("readout_interval_ms is {}; it is at most 60000", hub.readout_interval_ms),
        );
        check(
            &["hub", "ring_bytes"],
            hub.ring_bytes >= 64 << 10,
            format!("ring_bytes is {}; it is at least 65536", hub.ring_bytes),
        );
        check(&["hub", "ring_secs"], hub.ring_secs >= 1, "ring_secs is 0; it is at least 1".to_owned());
        let ingest = &self.ingest;
        check(
            &["ingest", "max_line_bytes"],
            ingest.max_line_bytes >= 1024,
            format!("max_line_bytes is {}; it is at least 1024", ingest.max_line_bytes),
        );
        check(
            &["ingest", "max_body_bytes"],
            ingest.max_body_bytes >= ingest.max_line_bytes,
            format!(
                "max_body_bytes is {}; it is at least max_line_bytes ({})",
                ingest.max_body_bytes, ingest.max_line_bytes
            ),
        );
    }
}

pub(super) fn environment_finding(variable: &str, message: String) -> Finding {
    Finding { file: "environment".to_owned(), line: None, key: Some(variable.to_owned()), message }
}

/// A setting that can be given as text.
trait Setting {
    /// # Errors
    /// What it takes.
    fn set(&mut self, text: &str) -> Result<(), &'static str>;
}

impl Setting for String {
    fn set(&mut self, text: &str) -> Result<(), &'static str> {
        text.clone_into(self);
        Ok(())
    }
}

impl Setting for Option<String> {
    /// An empty variable switches it off.
    fn set(&mut self, text: &str) -> Result<(), &'static str> {
        *self = (!text.is_empty()).then(|| text.to_owned());
        Ok(())
    }
}

impl Setting for bool {
    fn set(&mut self, text: &str) -> Result<(), &'static str> {
        *self = text.trim().parse().map_err(|_| "true or false")?;
        Ok(())
    }
}

impl Setting for u64 {
    fn set(&mut self, text: &str) -> Result<(), &'static str> {
        *self = text.trim().parse().map_err(|_| "a whole number")?;
        Ok(())
    }
}

impl Setting for usize {
    fn set(&mut self, text: &str) -> Result<(), &'static str> {
        *self = text.trim().parse().map_err(|_| "a whole number")?;
        Ok(())
    }
}

//! A broker of MQTT 5: what is published under some topics is recorded, and acknowledged when it is durable.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use protocol::Timestamp;
use rumqttc::v5::mqttbytes::QoS;
use rumqttc::v5::mqttbytes::v5::{Filter, Packet, Publish, RetainForwardRule, SubAck, SubscribeReasonCode};
use rumqttc::v5::{AsyncClient, ConnectionError, Event, EventLoop, MqttOptions};
use rumqttc::{TlsConfiguration, Transport};
use serde::Deserialize;
use serde_json::{Map, Value};
use tokio::time::{Instant, sleep_until, timeout_at};

use super::rows::json::{self, Path};
use super::rows::{Kind, Mapping, Origin, Otherwise, Recording, RowProblem, RowRead};
use super::trial::{Sample, Sampling};
use super::{Link, Source, SourceError};
use crate::config::{Options, Secret};

/// Messages that wait to be recorded together, at most so many and for so long.
const MOST_WAITING: u16 = 500;
const LONGEST_WAIT: Duration = Duration::from_millis(100);
/// A broker keeps what comes while nobody listens for so long.
const SESSION_SECS: u32 = 7 * 86_400;
const MOST_BYTES: u32 = 256 << 10;
const MOST_WAITING_BYTES: usize = 4 << 20;
/// Rows of one message.
const MOST_ROWS: usize = 1000;
/// Between two entries of the log that tell how many rows were refused.
const TELL: Duration = Duration::from_secs(10);
/// How long is listened for a trial.
const LISTEN: Duration = Duration::from_secs(15);
/// Problems of one round that are told.
const TOLD: usize = 20;

/// `[source.options]` of a broker.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct MqttSettings {
    host: String,
    #[serde(default)]
    port: Option<u16>,
    #[serde(default)]
    user: Option<String>,
    #[serde(default)]
    password: Option<Secret>,
    #[serde(default)]
    tls: bool,
    /// The certificate of the authority that signed the broker's, if that is none of this machine's.
    #[serde(default)]
    ca_file: Option<PathBuf>,
    /// `+` stands for one part of a topic, `#` for all that follow.
    topics: Vec<String>,
    /// Where the rows are in a message of JSON; the items of a list, or the whole as one row, if absent.
    #[serde(default)]
    rows: Option<Path>,
    mapping: Mapping,
}

/// Reads the options of a broker.
pub fn read(options: &mut Options<'_>) -> Option<Arc<dyn Source>> {
    let mut read = options.take::<MqttSettings>()?;
    read.mapping.check(options);
    json::check_mapping(&read.mapping, options);
    if read.topics.is_empty() {
        options.report(&["topics"], "give one topic at least");
    }
    for (index, topic) in read.topics.iter().enumerate() {
        if !rumqttc::v5::mqttbytes::valid_filter(topic) {
            let message =
                format!("'{topic}' is no topic: + stands for a whole part, # for all that follow, at the end");
            options.report(&[&format!("topics[{index}]")], &message);
        }
    }
    if read.ca_file.is_some() && !read.tls {
        options.report(&["ca_file"], "'ca_file' is for tls = true");
    }
    if read.password.is_some() != read.user.is_some() {
        options.report(&["password"], "give both 'user' and 'password'");
    }
    read.ca_file = read.ca_file.map(|file| options.dir.join(file));
    // Devices send now this and now that.
    read.mapping.empty_values = Otherwise::Ignore;
    Some(Arc::new(Mqtt { time_zone: options.settings.time_zone.clone(), options: read }))
}

/// A broker of MQTT 5.
#[derive(Debug, Clone)]
struct Mqtt {
    options: MqttSettings,
    time_zone: String,
}

impl Source for Mqtt {
    fn run(&self, link: Link) -> BoxFuture<'_, Result<(), SourceError>> {
        async move { self.follow(&link).await }.boxed()
    }

    fn sample(&self, now: Timestamp, values: usize) -> Option<Sampling<'_>> {
        Some(self.listen(now, values).boxed())
    }
}

impl Mqtt {
    /// One session for each source, so that the broker knows who comes back.
    fn session(&self, link: &Link) -> Result<MqttOptions, SourceError> {
        let mut connection = self.connection(format!("ioc-{}", link.source))?;
        connection.set_clean_start(false);
        connection.set_session_expiry_interval(Some(SESSION_SECS));
        connection.set_manual_acks(true);
        Ok(connection)
    }

    fn connection(&self, client_id: String) -> Result<MqttOptions, SourceError> {
        let options = &self.options;
        let port = options.port.unwrap_or(if options.tls { 8883 } else { 1883 });
        let mut connection = MqttOptions::new(client_id, &options.host, port);
        connection.set_receive_maximum(Some(MOST_WAITING));
        connection.set_max_packet_size(Some(MOST_BYTES));
        connection.set_keep_alive(Duration::from_secs(15));
        if let (Some(user), Some(password)) = (&options.user, &options.password) {
            connection.set_credentials(user, password.reveal()?);
        }
        if options.tls {
            connection.set_transport(Transport::tls_with_config(self.tls()?));
        }
        Ok(connection)
    }

    fn tls(&self) -> Result<TlsConfiguration, SourceError> {
        crate::tls::provide();
        match &self.options.ca_file {
            None => Ok(TlsConfiguration::default()),
            Some(file) => {
                let ca = std::fs::read(file).map_err(SourceError::io(format!("reading {}", file.display())))?;
                Ok(TlsConfiguration::Simple { ca, alpn: None, client_auth: None })
            }
        }
    }

    async fn follow(&self, link: &Link) -> Result<(), SourceError> {
        let (client, mut events) = AsyncClient::new(self.session(link)?, 2 * usize::from(MOST_WAITING));
        let mut waiting: Vec<Publish> = Vec::new();
        let (mut due, mut bytes) = (Instant::now(), 0);
        // Told now and then: a device that sends nothing right is not to fill the log.
        let (mut refused, mut told) = (0, Instant::now());
        loop {
            tokio::select! {
                event = events.poll() => {
                    let heard = self.hear(&client, event)?;
                    if matches!(heard, Heard::Well) {
                        link.health.well(&link.source, link.now());
                    }
                    if let Heard::Message(message) = heard {
                        if waiting.is_empty() {
                            due = Instant::now() + LONGEST_WAIT;
                        }
                        bytes += message.payload.len();
                        waiting.push(*message);
                    }
                }
                () = sleep_until(due), if !waiting.is_empty() => {}
                () = link.stopped() => {
                    link.refuse_if_any(refused).await?;
                    leave(&client, &mut events).await;
                    return Ok(());
                }
            }
            let is_full = waiting.len() >= usize::from(MOST_WAITING) || bytes >= MOST_WAITING_BYTES;
            if !waiting.is_empty() && (Instant::now() >= due || is_full) {
                refused += self.record(link, &waiting).await?;
                bytes = 0;
                for message in waiting.drain(..) {
                    client.try_ack(&message).map_err(SourceError::broken)?;
                }
                if refused > 0 && told.elapsed() >= TELL {
                    link.refuse_if_any(std::mem::take(&mut refused)).await?;
                    told = Instant::now();
                }
            }
        }
    }

    /// Listens to what is published, in a session of its own that the broker forgets: whoever follows misses nothing.
    async fn listen(&self, now: Timestamp, values: usize) -> Result<Sample, SourceError> {
        let connection = self.connection(format!("ioc-try-{:016x}", rand::random::<u64>()))?;
        let (client, mut events) = AsyncClient::new(connection, 2 * usize::from(MOST_WAITING));
        let (mut sample, mut taken, mut is_connected) = (Sample::default(), 0, false);
        let end = Instant::now() + LISTEN;
        while taken < values
            && let Ok(event) = timeout_at(end, events.poll()).await
        {
            let heard = match self.hear(&client, event) {
                Ok(heard) => heard,
                // What was heard before it broke off tells more than nothing.
                Err(_) if !sample.pieces.is_empty() => return Ok(sample),
                Err(error) => return Err(error),
            };
            match heard {
                Heard::Message(message) => {
                    let read = self.rows(&message, now);
                    // What is not right is shown too, and is not to be waited for for ever.
                    taken += read.len().max(1);
                    sample.pieces.push(read);
                }
                Heard::Well => is_connected = true,
                Heard::Nothing => {}
            }
        }
        leave(&client, &mut events).await;
        if sample.pieces.is_empty() {
            let (secs, topics) = (LISTEN.as_secs(), self.options.topics.join(", "));
            return Err(SourceError::broken(match is_connected {
                true => format!(
                    "the broker takes the topics ({topics}), but nothing was published under them within {secs} s"
                ),
                false => format!("the broker has not answered within {secs} s"),
            }));
        }
        Ok(sample)
    }

    /// What the broker says.
    fn hear(&self, client: &AsyncClient, event: Result<Event, ConnectionError>) -> Result<Heard, SourceError> {
        let Event::Incoming(packet) = event.map_err(SourceError::broken)? else { return Ok(Heard::Nothing) };
        match packet {
            Packet::ConnAck(_) => {
                let filters = self.options.topics.iter().map(|topic| self.filter(topic));
                client.try_subscribe_many(filters).map_err(SourceError::broken)?;
            }
            Packet::SubAck(SubAck { return_codes, .. }) => {
                for (topic, code) in self.options.topics.iter().zip(return_codes) {
                    if !matches!(code, SubscribeReasonCode::Success(_)) {
                        return Err(SourceError::broken(format!("the broker refuses the topic '{topic}': {code:?}")));
                    }
                }
                return Ok(Heard::Well);
            }
            Packet::PingResp(_) => return Ok(Heard::Well),
            Packet::Disconnect(said) => {
                return Err(SourceError::broken(format!("the broker ended it: {:?}", said.reason_code)));
            }
            Packet::Publish(message) => return Ok(Heard::Message(Box::new(message))),
            _ => {}
        }
        Ok(Heard::Nothing)
    }

    /// What a broker keeps of before is of now only if it says itself when it was true.
    fn filter(&self, topic: &str) -> Filter {
        let retain_forward_rule = match self.options.mapping.time {
            Some(_) => RetainForwardRule::OnNewSubscribe,
            None => RetainForwardRule::Never,
        };
        Filter { retain_forward_rule, ..Filter::new(topic, QoS::AtLeastOnce) }
    }

    /// Records messages in the order of their coming; how many rows were refused.
    async fn record(&self, link: &Link, messages: &[Publish]) -> Result<u64, SourceError> {
        let mut recording = Recording::new(link, Kind::Stream);
        for message in messages {
            recording.take(self.rows(message, link.now())).await?;
        }
        let refused = recording.finish().await?;
        for problem in refused.listed.iter().take(TOLD).rev() {
            link.problem(problem.place("a message"), &problem.said());
        }
        Ok(refused.count)
    }

    fn rows(&self, message: &Publish, now: Timestamp) -> RowRead {
        let topic = String::from_utf8_lossy(&message.topic);
        let origin = Origin { written: now, file: "", sheet: "" };
        let value = with_topic(&message.payload, &topic, self.options.rows.is_some());
        if value.as_array().is_some_and(|rows| rows.len() > MOST_ROWS) {
            let reason = format!("the message has more than {MOST_ROWS} rows (topic {topic})");
            return RowRead { problems: vec![RowProblem::whole(reason)], ..RowRead::default() };
        }
        let mut read = RowRead::default();
        let end = json::rows(
            &value,
            self.options.rows.as_ref(),
            &self.options.mapping,
            &self.time_zone,
            origin,
            json::Must::HaveOneValue,
            &mut |piece| {
                read.extend(piece);
                true
            },
        );
        read.problems.extend(end.err());
        let of_topic =
            |problem: RowProblem| RowProblem { reason: format!("{} (topic {topic})", problem.reason), ..problem };
        RowRead { problems: read.problems.into_iter().map(of_topic).collect(), ..read }
    }
}

/// What a broker says, as far as it matters.
enum Heard {
    Nothing,
    /// It takes the topics, or is still there.
    Well,
    Message(Box<Publish>),
}

/// Says goodbye, if the broker still listens.
async fn leave(client: &AsyncClient, events: &mut EventLoop) {
    if client.try_disconnect().is_ok() {
        while tokio::time::timeout(Duration::from_millis(500), events.poll()).await.is_ok_and(|event| event.is_ok()) {}
    }
}

/// What a message says, with the parts of its topic as `topic.1`, `topic.2`, … in each row; what is no object is
/// `payload`. With a path to the rows the message stays as it is.
fn with_topic(payload: &[u8], topic: &str, has_path: bool) -> Value {
    let value = serde_json::from_slice(payload)
        .unwrap_or_else(|_| Value::String(String::from_utf8_lossy(payload).trim().to_owned()));
    if has_path {
        return value;
    }
    let row = |value: Value| {
        let mut row = match value {
            Value::Object(members) => members,
            value => Map::from_iter([("payload".to_owned(), value)]),
        };
        let parts = topic.split('/').enumerate();
        row.extend(parts.map(|(at, part)| (format!("topic.{}", at + 1), Value::String(part.to_owned()))));
        Value::Object(row)
    };
    match value {
        Value::Array(rows) => Value::Array(rows.into_iter().map(row).collect()),
        value => row(value),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_message_is_a_row_with_the_parts_of_its_topic() {
        let cases = [
            ("20.5", json!({ "payload": 20.5, "topic.1": "tram", "topic.2": "DQ" })),
            ("mưa", json!({ "payload": "mưa", "topic.1": "tram", "topic.2": "DQ" })),
            (r#"{"pm":3}"#, json!({ "pm": 3, "topic.1": "tram", "topic.2": "DQ" })),
            (
                r#"[{"pm":3},4]"#,
                json!([
                    { "pm": 3, "topic.1": "tram", "topic.2": "DQ" },
                    { "payload": 4, "topic.1": "tram", "topic.2": "DQ" }
                ]),
            ),
        ];
        for (payload, expected) in cases {
            assert_eq!(with_topic(payload.as_bytes(), "tram/DQ", false), expected, "{payload}");
        }
        assert_eq!(with_topic(br#"{"a":[1]}"#, "tram/DQ", true), json!({ "a": [1] }));
    }
}

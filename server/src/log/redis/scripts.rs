//! The keys of the log in Redis and everything that is asked of them.

use std::sync::LazyLock;

use protocol::{StreamPosition, Timestamp};
use redis::aio::MultiplexedConnection;
use redis::streams::{StreamId, StreamRangeReply, StreamReadReply};
use redis::{FromRedisValue, RedisError, RedisResult, Script, Value};

use super::peers::{Peer, Registry};
use crate::log::local::Written;
use crate::log::{Hash, Head};

/// Names the log: its `epoch`, the `offset` and `hash` of its newest entry, and which epochs it `was`.
const HEAD: &str = "ioc:head";
/// The newest entries, under their offsets: `hash`, `at`, `body`.
const ENTRIES: &str = "ioc:entries";
const LEASE: &str = "ioc:lease";
const SECRET: &str = "ioc:secret";
/// The addresses of servers; what each has archived stands under its own key, for as long as it lives.
const SERVERS: &str = "ioc:servers";
const PROBE: &str = "ioc:probe";
/// How long a report of a server is believed.
const REPORT_TTL_MILLIS: u64 = 10_000;
/// Epochs that the head remembers.
const EPOCHS_REMEMBERED: usize = 64;

/// What Redis says the log is.
#[derive(Debug, Clone)]
pub(super) struct Remote {
    pub(super) head: Head,
    /// Earlier epochs of the same log.
    pub(super) was: Vec<u64>,
}

/// An entry of the stream, not yet checked.
#[derive(Debug, Clone)]
pub(super) struct Raw {
    pub(super) offset: u64,
    pub(super) hash: Hash,
    pub(super) recorded_at: Timestamp,
    pub(super) body: Vec<u8>,
}

/// Redis does not undo what a script did before it failed, so the script does.
static APPEND: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        r"
local head = redis.call('HMGET', KEYS[1], 'epoch', 'offset', 'hash')
if head[1] ~= ARGV[1] or head[2] ~= ARGV[2] or head[3] ~= ARGV[3] then return head end
local added = {}
for i = 5, #ARGV, 3 do
  local id = ARGV[i] .. '-0'
  local result = redis.pcall('XADD', KEYS[2], id, 'hash', ARGV[i + 1], 'at', ARGV[4], 'body', ARGV[i + 2])
  if type(result) == 'table' and result.err then
    for _, id in ipairs(added) do redis.call('XDEL', KEYS[2], id) end
    if #added > 0 then redis.call('XSETID', KEYS[2], ARGV[2] .. '-0') end
    return result
  end
  added[#added + 1] = id
end
redis.call('HSET', KEYS[1], 'offset', ARGV[#ARGV - 2], 'hash', ARGV[#ARGV - 1])
return 1",
    )
});

static BEGIN_EPOCH: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        r"
if redis.call('HGET', KEYS[1], 'epoch') ~= ARGV[1] then return 0 end
redis.call('HSET', KEYS[1], 'epoch', ARGV[2], 'was', ARGV[3])
return 1",
    )
});

static SEED: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        r"
if redis.call('EXISTS', KEYS[1]) == 1 then return 0 end
redis.call('DEL', KEYS[2])
redis.call('HSET', KEYS[1], 'epoch', ARGV[1], 'offset', ARGV[2], 'hash', ARGV[3], 'was', ARGV[4])
return 1",
    )
});

/// Takes, keeps or gives back the lease; returns who has it.
static LEASE_TURN: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        r"
local holder = redis.call('GET', KEYS[1])
if ARGV[3] == '1' then
  if not holder then
    redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
    return ARGV[1]
  end
  if holder == ARGV[1] then redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
elseif holder == ARGV[1] then
  redis.call('DEL', KEYS[1])
  return false
end
return holder",
    )
});

/// How an append went.
#[derive(Debug, Clone, Copy)]
pub(super) enum Appended {
    Done,
    Moved(Head),
    /// There is no log.
    Gone,
}

/// Appends entries behind `expected`, all or nothing.
pub(super) async fn append(
    connection: &mut MultiplexedConnection,
    expected: Head,
    entries: &[Written],
    recorded_at: Timestamp,
) -> RedisResult<Appended> {
    let mut call = APPEND.prepare_invoke();
    call.key(HEAD).key(ENTRIES);
    call.arg(expected.position.epoch).arg(expected.position.offset).arg(&expected.hash.0[..]);
    call.arg(recorded_at.as_micros());
    for Written { entry, body } in entries {
        call.arg(entry.offset).arg(&entry.hash.0[..]).arg(&body[..]);
    }
    match call.invoke_async(connection).await? {
        Value::Int(_) => Ok(Appended::Done),
        head => Ok(parse_head(&head)?.map_or(Appended::Gone, Appended::Moved)),
    }
}

/// What the log is, if there is one.
pub(super) async fn head(connection: &mut MultiplexedConnection) -> RedisResult<Option<Remote>> {
    let mut ask = redis::cmd("HMGET");
    ask.arg(HEAD).arg("epoch").arg("offset").arg("hash").arg("was");
    let reply: Value = ask.query_async(connection).await?;
    let Some(head) = parse_head(&reply)? else { return Ok(None) };
    let was = match &reply {
        Value::Array(fields) => fields.get(3).cloned().unwrap_or(Value::Nil),
        _ => Value::Nil,
    };
    let was = Option::<String>::from_redis_value(was)?.unwrap_or_default();
    Ok(Some(Remote { head, was: was.split(',').filter_map(|epoch| epoch.parse().ok()).collect() }))
}

/// Goes on under a new name; false when another server was faster.
pub(super) async fn begin_epoch(
    connection: &mut MultiplexedConnection,
    before: &Remote,
    epoch: u64,
) -> RedisResult<bool> {
    let mut was = vec![before.head.position.epoch];
    was.extend(before.was.iter().take(EPOCHS_REMEMBERED));
    let mut call = BEGIN_EPOCH.prepare_invoke();
    call.key(HEAD).arg(before.head.position.epoch).arg(epoch).arg(join(&was));
    call.invoke_async(connection).await
}

/// Makes the log, beginning behind `head`; false when another server was faster.
pub(super) async fn seed(connection: &mut MultiplexedConnection, head: Head, was: &[u64]) -> RedisResult<bool> {
    let mut call = SEED.prepare_invoke();
    call.key(HEAD).key(ENTRIES).arg(head.position.epoch).arg(head.position.offset);
    call.arg(&head.hash.0[..]).arg(join(was));
    call.invoke_async(connection).await
}

/// Who has the lease after `value` tried to take or keep it (`eligible`) or gave it back.
pub(super) async fn lease(
    connection: &mut MultiplexedConnection,
    value: &str,
    ttl_millis: u64,
    eligible: bool,
) -> RedisResult<Option<String>> {
    let mut call = LEASE_TURN.prepare_invoke();
    call.key(LEASE).arg(value).arg(ttl_millis).arg(i32::from(eligible));
    call.invoke_async(connection).await
}

/// Entries behind `after`, waiting up to `block_millis` for the first.
pub(super) async fn read(
    connection: &mut MultiplexedConnection,
    after: u64,
    count: usize,
    block_millis: u64,
) -> RedisResult<Vec<Raw>> {
    let mut ask = redis::cmd("XREAD");
    ask.arg("COUNT").arg(count).arg("BLOCK").arg(block_millis).arg("STREAMS").arg(ENTRIES).arg(format!("{after}-0"));
    let reply: Option<StreamReadReply> = ask.query_async(connection).await?;
    let ids = reply.into_iter().flat_map(|reply| reply.keys).flat_map(|key| key.ids);
    ids.map(parse_entry).collect()
}

/// Entries behind `after` that are there now.
pub(super) async fn range(connection: &mut MultiplexedConnection, after: u64, count: usize) -> RedisResult<Vec<Raw>> {
    let mut ask = redis::cmd("XRANGE");
    ask.arg(ENTRIES).arg(format!("{}-0", after + 1)).arg("+").arg("COUNT").arg(count);
    let reply: StreamRangeReply = ask.query_async(connection).await?;
    reply.ids.into_iter().map(parse_entry).collect()
}

/// The hash of the entry at `offset`, if the stream still has it.
pub(super) async fn hash_at(connection: &mut MultiplexedConnection, offset: u64) -> RedisResult<Option<Hash>> {
    let found = range(connection, offset.saturating_sub(1), 1).await?;
    Ok(found.first().filter(|entry| entry.offset == offset).map(|entry| entry.hash))
}

/// Writes something that does not matter.
pub(super) async fn probe(connection: &mut MultiplexedConnection) -> RedisResult<()> {
    redis::cmd("SET").arg(PROBE).arg(1).arg("PX").arg(1000).query_async(connection).await
}

/// Tells how far a server has archived the log.
pub(super) async fn report(
    connection: &mut MultiplexedConnection,
    url: &str,
    archived: StreamPosition,
) -> RedisResult<()> {
    let report = format!("{} {}", archived.epoch, archived.offset);
    let mut tell = redis::cmd("SET");
    tell.arg(server_key(url)).arg(report).arg("PX").arg(REPORT_TTL_MILLIS).query_async::<()>(connection).await?;
    redis::cmd("SADD").arg(SERVERS).arg(url).query_async::<()>(connection).await?;
    let secret = format!("{:032x}", rand::random::<u128>());
    redis::cmd("SET").arg(SECRET).arg(secret).arg("NX").query_async::<()>(connection).await
}

/// What servers other than `own` have reported, and the secret that all share. Who has not for long is forgotten.
pub(super) async fn registry(connection: &mut MultiplexedConnection, own: &str) -> RedisResult<Registry> {
    let secret: Option<String> = redis::cmd("GET").arg(SECRET).query_async(connection).await?;
    let urls: Vec<String> = redis::cmd("SMEMBERS").arg(SERVERS).query_async(connection).await?;
    let mut others = Vec::new();
    for url in urls.into_iter().filter(|url| url != own) {
        let reported: Option<String> = redis::cmd("GET").arg(server_key(&url)).query_async(connection).await?;
        match reported.as_deref().and_then(parse_report) {
            Some((epoch, offset)) => others.push(Peer { url, epoch, offset }),
            None => redis::cmd("SREM").arg(SERVERS).arg(url).query_async::<()>(connection).await?,
        }
    }
    Ok(Registry { secret: secret.unwrap_or_default(), others })
}

/// What the stream takes, and what Redis may take; no `limit` when it may take all there is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Size {
    pub(super) entries: u64,
    pub(super) bytes: u64,
    pub(super) limit: Option<u64>,
}

/// How large the stream is, by a sample of it.
pub(super) async fn size(connection: &mut MultiplexedConnection) -> RedisResult<Size> {
    let entries = redis::cmd("XLEN").arg(ENTRIES).query_async(connection).await?;
    let bytes: Option<u64> = redis::cmd("MEMORY").arg("USAGE").arg(ENTRIES).query_async(connection).await?;
    let limit: Vec<String> = redis::cmd("CONFIG").arg("GET").arg("maxmemory").query_async(connection).await?;
    let limit = limit.get(1).and_then(|limit| limit.parse().ok()).filter(|limit| *limit > 0);
    Ok(Size { entries, bytes: bytes.unwrap_or(0), limit })
}

fn server_key(url: &str) -> String {
    format!("ioc:server:{url}")
}

fn parse_report(report: &str) -> Option<(u64, u64)> {
    let (epoch, offset) = report.split_once(' ')?;
    Some((epoch.parse().ok()?, offset.parse().ok()?))
}

/// Forgets entries before `offset`.
pub(super) async fn trim(connection: &mut MultiplexedConnection, offset: u64) -> RedisResult<u64> {
    redis::cmd("XTRIM").arg(ENTRIES).arg("MINID").arg("~").arg(format!("{offset}-0")).query_async(connection).await
}

fn join(epochs: &[u64]) -> String {
    epochs.iter().map(u64::to_string).collect::<Vec<_>>().join(",")
}

fn parse_head(reply: &Value) -> RedisResult<Option<Head>> {
    let Value::Array(fields) = reply else { return Err(malformed("the head of the log is no list")) };
    let mut fields = fields.iter().cloned();
    let mut next = || fields.next().unwrap_or(Value::Nil);
    let (epoch, offset) = (Option::<u64>::from_redis_value(next())?, Option::<u64>::from_redis_value(next())?);
    match (epoch, offset, next()) {
        (Some(epoch), Some(offset), Value::BulkString(hash)) => {
            Ok(Some(Head { position: StreamPosition { epoch, offset }, hash: parse_hash(&hash)? }))
        }
        _ => Ok(None),
    }
}

fn parse_entry(id: StreamId) -> RedisResult<Raw> {
    let StreamId { id, mut map, .. } = id;
    let offset = id.strip_suffix("-0").and_then(|offset| offset.parse().ok());
    let offset = offset.ok_or_else(|| malformed("an entry has an id that is no offset"))?;
    let mut field = |name: &str| match map.remove(name) {
        Some(Value::BulkString(bytes)) => Ok(bytes),
        _ => Err(malformed("an entry lacks a field")),
    };
    let (hash, at, body) = (field("hash")?, field("at")?, field("body")?);
    let at = std::str::from_utf8(&at).ok().and_then(|at| at.parse().ok());
    let recorded_at = Timestamp(at.ok_or_else(|| malformed("an entry has no time"))?);
    Ok(Raw { offset, hash: parse_hash(&hash)?, recorded_at, body })
}

fn parse_hash(bytes: &[u8]) -> RedisResult<Hash> {
    bytes.try_into().map(Hash).map_err(|_| malformed("a hash is not 32 bytes long"))
}

fn malformed(what: &'static str) -> RedisError {
    (redis::ErrorKind::UnexpectedReturnType, what).into()
}

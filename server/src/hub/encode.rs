//! Messages become bytes once per channel.

use axum::extract::ws::Message;
use bytes::Bytes;
use protocol::ServerMessage;
use protocol::change::{Body, Envelope};
use protocol::message::MAX_SNAPSHOT_BYTES;

use super::ViewError;
use super::ring::{Encoding, length};

/// Why a message could not be encoded: a defect, named so that it is found.
#[derive(Debug, thiserror::Error)]
#[error("a message cannot be encoded: {0}")]
pub struct EncodeError(String);

impl From<EncodeError> for ViewError {
    fn from(error: EncodeError) -> Self {
        Self::Defect(error.to_string())
    }
}

/// Encodes a message for a channel.
///
/// # Errors
/// When serde refuses it.
pub fn encode<C: Body>(encoding: Encoding, message: &ServerMessage<C>) -> Result<Message, EncodeError> {
    match encoding {
        Encoding::Msgpack => rmp_serde::to_vec_named(message)
            .map(|bytes| Message::Binary(Bytes::from(bytes)))
            .map_err(|error| EncodeError(error.to_string())),
        Encoding::Json | Encoding::Svg => serde_json::to_string(message)
            .map(|text| Message::Text(text.into()))
            .map_err(|error| EncodeError(error.to_string())),
    }
}

/// Encodes a snapshot.
///
/// # Errors
/// When serde refuses it, or it is larger than clients take.
pub(super) fn snapshot<C: Body>(
    encoding: Encoding,
    offset: u64,
    changes: Vec<Envelope<C>>,
) -> Result<Message, ViewError> {
    let message = encode(encoding, &ServerMessage::Snapshot { offset, changes })?;
    match length(&message) {
        0..=MAX_SNAPSHOT_BYTES => Ok(message),
        bytes => Err(ViewError::Defect(format!(
            "its snapshot as {} takes {bytes} bytes, more than {MAX_SNAPSHOT_BYTES}; give its layout fewer or narrower charts",
            encoding.name()
        ))),
    }
}

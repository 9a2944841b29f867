//! Messages become bytes once per channel.

use axum::extract::ws::Message;
use bytes::Bytes;
use protocol::ServerMessage;
use protocol::change::Body;

use super::ring::Encoding;

/// Why a message could not be encoded: a defect, named so that it is found.
#[derive(Debug, thiserror::Error)]
#[error("a message cannot be encoded: {0}")]
pub struct EncodeError(String);

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

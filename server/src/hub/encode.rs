//! Messages become bytes once per channel.

use bytes::Bytes;
use protocol::ServerMessage;
use protocol::change::{Body, Envelope};
use protocol::message::MAX_SNAPSHOT_BYTES;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::Frame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{Data, OpCode};

use super::ViewError;
use super::ring::Encoding;

/// A whole frame of the WebSocket protocol. Servers do not mask, so everyone who gets it gets the same bytes.
#[derive(Debug, Clone)]
pub struct Message(Bytes);

/// Why a message could not be encoded: a defect, named so that it is found.
#[derive(Debug, thiserror::Error)]
#[error("a message cannot be encoded: {0}")]
pub struct EncodeError(String);

impl From<EncodeError> for ViewError {
    fn from(error: EncodeError) -> Self {
        Self::Defect(error.to_string())
    }
}

impl Message {
    /// The bytes as they are written to the socket.
    #[must_use]
    pub fn bytes(&self) -> &Bytes {
        &self.0
    }

    /// Says that the connection ends.
    ///
    /// # Errors
    /// Never for a code that the protocol has.
    pub fn close(code: u16) -> Result<Self, EncodeError> {
        Self::framed(Frame::close(Some(CloseFrame { code: code.into(), reason: "".into() })))
    }

    fn framed(frame: Frame) -> Result<Self, EncodeError> {
        let mut bytes = Vec::with_capacity(frame.len());
        frame.format(&mut bytes).map_err(|error| EncodeError(error.to_string()))?;
        Ok(Self(bytes.into()))
    }
}

/// Encodes a message for a channel.
///
/// # Errors
/// When serde refuses it.
pub fn encode<C: Body>(encoding: Encoding, message: &ServerMessage<C>) -> Result<Message, EncodeError> {
    let (payload, kind) = match encoding {
        Encoding::Msgpack => {
            (rmp_serde::to_vec_named(message).map_err(|error| EncodeError(error.to_string()))?, Data::Binary)
        }
        Encoding::Json | Encoding::Svg => {
            (serde_json::to_vec(message).map_err(|error| EncodeError(error.to_string()))?, Data::Text)
        }
    };
    Message::framed(Frame::message(payload, OpCode::Data(kind), true))
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
    match message.bytes().len() {
        0..=MAX_SNAPSHOT_BYTES => Ok(message),
        bytes => Err(ViewError::Defect(format!(
            "its snapshot as {} takes {bytes} bytes, more than {MAX_SNAPSHOT_BYTES}; give its layout fewer or narrower charts",
            encoding.name()
        ))),
    }
}

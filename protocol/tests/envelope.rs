//! Unknown changes are skipped, malformed known ones are errors, in whatever order the fields come.

use protocol::{ClientMessage, Envelope, ServerMessage};

fn envelope(json: &str) -> Result<Envelope, String> {
    serde_json::from_str(json).map_err(|error| error.to_string())
}

const OBSERVED: &str = r#"{"series":{"indicator":"i","area":"51"},"value":1.5,"phenomenon_time":1,"received_at":2,"status":"official","source":"s"}"#;

#[test]
fn a_known_kind_is_read_in_any_order_of_fields() {
    let first = envelope(&format!(r#"{{"at":7,"kind":"observed","body":{OBSERVED}}}"#)).unwrap();
    let last = envelope(&format!(r#"{{"body":{OBSERVED},"later":{{"x":[1]}},"kind":"observed","at":7}}"#)).unwrap();
    assert!(first.change.is_some());
    assert_eq!(first, last);
}

#[test]
fn an_unknown_kind_is_skipped_with_its_offset() {
    for json in [r#"{"at":9,"kind":"hologram","body":{"deep":[{}]}}"#, r#"{"body":3,"kind":"hologram","at":9}"#] {
        assert_eq!(envelope(json).unwrap(), Envelope { at: 9, change: None });
    }
}

#[test]
fn what_is_malformed_is_an_error() {
    for (json, says) in [
        (r#"{"at":9,"kind":"observed","body":{"value":"x"}}"#, "invalid type"),
        (r#"{"at":9,"body":{}}"#, "missing field `kind`"),
        (r#"{"kind":"hologram","body":{}}"#, "missing field `at`"),
        (r#"{"at":-1,"kind":"hologram","body":{}}"#, "invalid value"),
    ] {
        let error = envelope(json).unwrap_err();
        assert!(error.contains(says), "{json}: {error}");
    }
}

#[test]
fn messages_look_as_outsiders_rely_on() {
    let hello = r#"{"type":"hello","view":{"wall":"main"},"resume":{"epoch":3,"offset":5}}"#;
    let message: ClientMessage = serde_json::from_str(hello).unwrap();
    assert_eq!(serde_json::to_string(&message).unwrap(), hello);
    let frame = r#"{"type":"frame","since":1,"until":2,"present_at":3,"changes":[]}"#;
    let message: ServerMessage = serde_json::from_str(frame).unwrap();
    assert_eq!(serde_json::to_string(&message).unwrap(), frame);
}

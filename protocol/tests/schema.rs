//! The schema that outsiders read is the one that the types have. `BLESS=1` writes it anew.

use protocol::change::PictureChange;
use protocol::{ClientMessage, Command, Event, Observation, ServerMessage};
use schemars::{JsonSchema, SchemaGenerator, generate::SchemaSettings};

#[derive(JsonSchema)]
#[allow(dead_code, reason = "only its schema is used")]
struct Conversation {
    client: ClientMessage,
    server: ServerMessage,
    painted: ServerMessage<PictureChange>,
    event: Event,
    command: Command,
    observation: Observation,
}

#[test]
fn the_committed_schema_is_that_of_the_types() {
    let schema = SchemaGenerator::from(SchemaSettings::draft2020_12()).into_root_schema_for::<Conversation>();
    let generated = serde_json::to_string_pretty(&schema).unwrap() + "\n";
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/src/schema/v1.json");
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(path, &generated).unwrap();
    }
    let committed = std::fs::read_to_string(path).unwrap_or_default();
    assert!(
        committed == generated,
        "protocol/src/schema/v1.json is not what the types say; run `make bless` and read the difference"
    );
}

//! The description of the API, generated from the code.

use std::borrow::Cow;
use std::sync::LazyLock;

use axum::http::header;
use axum::response::IntoResponse;
use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, SchemaGenerator};
use serde_json::Value;
use utoipa::openapi::{Ref, RefOr, Schema};
use utoipa::{OpenApi, PartialSchema, ToSchema};

use super::{
    alarms, catalogue, documents, health, history, ingest, layouts, legibility, metrics, people, pictures, problem,
    provenance, reload, sign_in, walls,
};

/// What `protocol` describes with schemars; here only its name is needed.
macro_rules! described_in_protocol {
    ($($shape:ident => $name:ident),* $(,)?) => {
        $(
            #[derive(Debug)]
            pub struct $shape;
            impl PartialSchema for $shape {
                fn schema() -> RefOr<Schema> {
                    RefOr::Ref(Ref::from_schema_name(stringify!($name)))
                }
            }
            impl ToSchema for $shape {
                fn name() -> Cow<'static, str> {
                    Cow::Borrowed(stringify!($name))
                }
            }
        )*
        const DESCRIBED: &[&str] = &[$(stringify!($name)),*];
    };
}
described_in_protocol! {
    AgencyShape => Agency,
    AlarmShape => Alarm,
    AreaShape => Area,
    FreshnessShape => Freshness,
    HolderShape => Holder,
    DocumentShape => Document,
    IndicatorShape => Indicator,
    LayoutShape => Layout,
    NameShape => Name,
    ObservationStatusShape => ObservationStatus,
    SeriesKeyShape => SeriesKey,
    SourceHealthShape => SourceHealth,
    SourceInfoShape => SourceInfo,
    WallShape => Wall,
}

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Toàn Cảnh",
        description = "Live indicators of an operations centre: put observations in, read history, arrange walls. Errors are problem details (RFC 9457)."
    ),
    paths(
        ingest::post,
        history::series,
        provenance::get,
        catalogue::indicators,
        catalogue::areas,
        catalogue::agencies,
        catalogue::sources,
        catalogue::try_source,
        catalogue::run_source,
        documents::documents,
        layouts::list,
        layouts::get,
        layouts::put,
        legibility::get,
        pictures::get,
        walls::list,
        walls::show,
        walls::spotlight,
        reload::reload,
        sign_in::me,
        sign_in::sign_in,
        sign_in::sign_out,
        sign_in::invitation,
        sign_in::accept,
        people::accounts,
        people::make_account,
        people::change_account,
        people::invite,
        people::tokens,
        people::make_token,
        people::revoke_token,
        alarms::list,
        alarms::acknowledge,
        alarms::shelve,
        alarms::unshelve,
        health::healthz,
        health::readyz,
        metrics::render,
    ),
    components(schemas(problem::Problem, ingest::RefusedRowShape, crate::config::Finding))
)]
struct Api;

static DESCRIPTION: LazyLock<String> = LazyLock::new(|| {
    let mut text = describe().map_or_else(|error| format!("{{\"error\": \"{error}\"}}"), |api| format!("{api:#}"));
    text.push('\n');
    text
});

/// The description as JSON: what utoipa reads from the handlers, with the schemas of `protocol`.
fn describe() -> Result<Value, serde_json::Error> {
    let mut api = serde_json::to_value(Api::openapi())?;
    let mut generator = SchemaSettings::draft2020_12()
        .with(|settings| settings.definitions_path = "/components/schemas".into())
        .into_generator();
    add::<protocol::Agency>(&mut generator);
    add::<protocol::Alarm>(&mut generator);
    add::<protocol::Area>(&mut generator);
    add::<protocol::Document>(&mut generator);
    add::<protocol::Indicator>(&mut generator);
    add::<protocol::Layout>(&mut generator);
    add::<protocol::person::Holder>(&mut generator);
    add::<protocol::SeriesKey>(&mut generator);
    add::<protocol::SourceHealth>(&mut generator);
    add::<protocol::SourceInfo>(&mut generator);
    add::<protocol::Wall>(&mut generator);
    add::<protocol::ObservationStatus>(&mut generator);
    add::<protocol::observation::Freshness>(&mut generator);
    if let Some(schemas) = api.pointer_mut("/components/schemas").and_then(Value::as_object_mut) {
        // Placeholders that utoipa made for the names give way to what they name.
        schemas.retain(|name, _| !DESCRIBED.contains(&name.as_str()));
        schemas.extend(generator.take_definitions(true));
    }
    name_operations(&mut api);
    Ok(api)
}

/// An operation by what is done where: `get_layouts_id`. Programs are made from these names, so no two may be alike.
fn name_operations(api: &mut Value) {
    for (path, operations) in api["paths"].as_object_mut().into_iter().flatten() {
        let parts = path.trim_start_matches("/api/v1").split(|part: char| !part.is_ascii_alphanumeric());
        let place = parts.filter(|part| !part.is_empty()).collect::<Vec<_>>().join("_");
        for (method, operation) in operations.as_object_mut().into_iter().flatten() {
            operation["operationId"] = Value::String(format!("{method}_{place}"));
        }
    }
}

fn add<T: JsonSchema>(generator: &mut SchemaGenerator) {
    let _reference = generator.subschema_for::<T>();
}

/// The description of the API.
pub async fn get() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "application/json")], DESCRIPTION.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_committed_description_is_current() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/openapi.json");
        if std::env::var_os("BLESS").is_some() {
            std::fs::write(path, DESCRIPTION.as_bytes()).unwrap();
        }
        let committed = std::fs::read_to_string(path).unwrap_or_default();
        assert!(
            committed == *DESCRIPTION,
            "server/openapi.json is out of date; run the tests with BLESS=1 and commit it"
        );
    }

    #[test]
    fn every_reference_leads_somewhere() {
        let api = describe().unwrap();
        let text = api.to_string();
        for (_, rest) in text.match_indices("\"$ref\":\"#").map(|(at, found)| text.split_at(at + found.len())) {
            let pointer = rest.split('"').next().unwrap();
            assert!(api.pointer(pointer).is_some(), "{pointer} leads nowhere");
        }
    }

    #[test]
    fn no_two_operations_are_named_alike() {
        let api = describe().unwrap();
        let mut names = std::collections::BTreeSet::new();
        for operation in api["paths"].as_object().unwrap().values().flat_map(|path| path.as_object().unwrap().values())
        {
            let name = operation["operationId"].as_str().unwrap().to_owned();
            assert!(names.insert(name.clone()), "{name} twice");
        }
    }

    #[test]
    fn every_route_is_described() {
        let api = describe().unwrap();
        let undescribed = [
            "/live",
            "/",
            "/watch/{layout}",
            "/watch/wall/{wall}",
            "/console",
            "/console/",
            "/console/{*path}",
            "/invitation/{secret}",
            "/favicon.svg",
            "/openapi.json",
        ];
        for line in include_str!("mod.rs").lines() {
            let Some(path) = line.trim().strip_prefix(".route(\"").and_then(|rest| rest.split('"').next()) else {
                continue;
            };
            let is_described = api["paths"].get(path).is_some();
            assert_ne!(is_described, undescribed.contains(&path), "{path}");
        }
    }
}

//! What comes into folders besides figures: documents, and points that move.

use std::time::Duration;

use anyhow::ensure;
use serde_json::{Value, json};
use tests::centre::AREA;
use tests::{Centre, Client, Server, eventually};

const LIMIT: Duration = Duration::from_secs(40);

/// A document as edXML, all that is required and a due date.
fn document(number: &str, day: &str, subject: &str) -> String {
    let element = |name: &str, inner: &str| format!("<edXML:{name}>{inner}</edXML:{name}>");
    let of = |path: &[&str], inner: &str| path.iter().rev().fold(inner.to_owned(), |text, name| element(name, &text));
    let organ = format!("{}{}", element("OrganId", "000.00.00.H48"), element("OrganName", "UBND tỉnh"));
    let code = format!("{}{}", element("CodeNumber", number), element("CodeNotation", "UBND-KTTH"));
    let message = [
        of(&["From"], &organ),
        of(&["To"], &organ),
        of(&["Code"], &code),
        of(&["PromulgationInfo", "PromulgationDate"], day),
        of(&["DocumentType", "Type"], "18"),
        of(&["Subject"], subject),
        of(&["SignerInfo", "FullName"], "Nguyễn Văn A"),
        of(&["DueDate"], "2023/08/30"),
        of(&["OtherInfo", "Priority"], "1"),
        of(&["DocumentId"], &format!("000.00.00.H48,{day},{number}/UBND-KTTH")),
    ];
    let trace = of(&["TraceHeaderList", "Bussiness"], "");
    let header =
        of(&["edXMLEnvelope", "edXMLHeader"], &format!("{}{trace}", of(&["MessageHeader"], &message.concat())));
    let namespace = "http://www.mic.gov.vn/TBT/QCVN_102_2016";
    format!("<edXML:edXML xmlns:edXML=\"{namespace}\">{header}</edXML:edXML>")
}

#[tokio::test]
async fn documents_are_listed_and_outlive_a_kill() {
    let centre = Centre::small().unwrap();
    let folder = centre.config().join("den");
    std::fs::create_dir(&folder).unwrap();
    let put = |name: &str, text: String| std::fs::write(folder.join(name), text).unwrap();
    put("a.edxml", document("12", "2023/08/14", "Đôn đốc giải ngân"));
    put("b.edxml", document("13", "2023/08/15", "[TỐI MẬT] Kế hoạch Hoa Sen"));
    let source = "[[source]]\nid = 'den'\nname = 'Văn bản đến'\nkind = 'edxml'\n[source.options]\n\
        files = { folder = 'den', poll_secs = 1, settle_ms = 0 }\n";
    centre.write("sources.toml", source).unwrap();
    let mut server = centre.serve().await.unwrap();
    let listed = async |server: &Server, expected: &[&str]| {
        let list = eventually("the documents are listed", LIMIT, || async {
            let all = server.get("/api/v1/documents?source=den").await?;
            let numbers: Vec<&str> =
                all.as_array().into_iter().flatten().filter_map(|one| one["number"].as_str()).collect();
            ensure!(numbers == expected, "{all}");
            Ok(all.clone())
        });
        list.await.unwrap()
    };
    let all = listed(&server, &["12"]).await;
    let received = all[0]["received_at"].as_i64().unwrap();
    let expected = json!([{
        "id": "000.00.00.H48,2023/08/14,12/UBND-KTTH", "number": "12", "notation": "UBND-KTTH",
        "from": { "id": "000.00.00.H48", "name": "UBND tỉnh" }, "subject": "Đôn đốc giải ngân",
        "promulgated_on": "2023-08-14", "due_on": "2023-08-30", "priority": "urgent",
        "file": "a.edxml", "source": "den", "received_at": received,
    }]);
    assert_eq!(all, expected);
    server.kill().await.unwrap();
    put("c.edxml", document("14", "2023/08/16", "Họp"));
    server.restart().await.unwrap();
    let all = listed(&server, &["14", "12"]).await;
    assert_eq!(all[1], expected[0], "as it came in before the kill");
    let sources = server.get("/api/v1/sources").await.unwrap();
    let refused = sources.as_array().unwrap().iter().find(|source| source["id"] == "den").unwrap()["health"].clone();
    assert_eq!(refused["problems"][0]["place"], "b.edxml, the file", "{refused}");
    // Of the classified one nothing is told: not in answers, nor in logs, nor in the log, nor in the report.
    let report = std::fs::read_to_string(folder.join("b.edxml.report.txt")).unwrap();
    let told = format!("{refused}{report}{}", server.process().log());
    assert!(!told.contains("Hoa Sen"), "{told}");
    for file in ["log.sqlite", "log.sqlite-wal", "history.sqlite", "history.sqlite-wal"] {
        let bytes = std::fs::read(centre.path("data").join(file)).unwrap_or_default();
        assert!(!bytes.windows(7).any(|seen| seen == b"Hoa Sen"), "{file}");
    }
}

#[tokio::test]
async fn points_of_a_layer_move_on_who_watches_and_outlive_a_kill() {
    let centre = Centre::small().unwrap();
    let folder = centre.config().join("tau");
    std::fs::create_dir(&folder).unwrap();
    let put = |minute: u32, longitude: f64| {
        let text = json!({ "type": "FeatureCollection", "luc": format!("2023-08-14T07:{minute:02}:00+07:00"), "features": [
            { "type": "Feature", "properties": { "so": "QNg 90001", "name": "QNg 90001 TS" },
              "geometry": { "type": "Point", "coordinates": [longitude, 15.2] } }
        ] });
        std::fs::write(folder.join("tau.geojson"), text.to_string()).unwrap();
    };
    centre
        .write(
            "sources.toml",
            "[[source]]\nid = 'ais'\nname = 'Giám sát tàu cá'\nkind = 'geojson'\n[source.options]\nlayer = 'tau-ca'\n\
             files = { folder = 'tau', poll_secs = 1, settle_ms = 0 }\ntime = { path = '$.luc' }\nproperties = { id = 'so' }\n",
        )
        .unwrap();
    let maps = format!(
        "[[map]]\nid = 'tinh'\nname = 'Tỉnh'\nschematic = '''\n{AREA}\n'''\n\
         [[layer]]\nid = 'tau-ca'\nname = 'Tàu cá'\nsource = 'ais'\nstale_after_secs = 3600\n"
    );
    centre.write("maps.toml", &maps).unwrap();
    let layout = "name = 'Biển'\n[[panel]]\nid = 'bien'\nkind = 'map'\nplace = { column = 0, row = 0, columns = 32, rows = 18 }\n\
        options = { map = 'tinh', layers = ['tau-ca'] }\n";
    centre.write("layouts/bien.toml", layout).unwrap();
    put(30, 109.1);
    let mut server = centre.serve().await.unwrap();
    let watch = async |server: &Server, longitude: i64, minute: i64| {
        let mut client = Client::hello(server.authority(), json!({ "layout": "bien" })).await.unwrap();
        let place = |change: &Value| change["body"]["features"][0]["geometry"]["point"][0].as_i64();
        let change = client.change(LIMIT, |change| change["kind"] == "layer" && place(change) == Some(longitude));
        let body = change.await.unwrap()["body"].clone();
        // 07:00 in Việt Nam.
        assert_eq!(body["time"], json!((1_691_971_200 + minute * 60) * 1_000_000), "{body}");
        assert_eq!((&body["layer"], &body["source"]), (&json!("tau-ca"), &json!("ais")));
        client
    };
    let mut client = watch(&server, 109_100_000, 30).await;
    put(31, 109.2);
    let moved = client.change(LIMIT, |change| change["kind"] == "layer").await.unwrap();
    assert_eq!(moved["body"]["features"][0]["geometry"]["point"], json!([109_200_000, 15_200_000]), "{moved}");
    put(32, 109.2);
    let older = client.change(LIMIT, |change| change["kind"] == "layer").await.unwrap();
    assert_eq!(older["body"]["features"], Value::Null, "still so, and told so: {older}");
    server.kill().await.unwrap();
    server.restart().await.unwrap();
    watch(&server, 109_200_000, 32).await;
}

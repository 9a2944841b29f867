//! The invariants of the house, held by reading the code. Each rule is shown to find a planted violation,
//! so that none can stop working unnoticed.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use regex::Regex;

/// The text files of the repository, by their paths from its root.
type Tree = BTreeMap<String, String>;

/// Names what is wrong, as `path:line: reason`.
type Rule = fn(&Tree) -> Vec<String>;

/// Every rule, with a file that breaks it and what it then says.
const RULES: &[(&str, Rule, (&str, &str), &str)] = &[
    ("panels and protocol stand alone", stand_alone, ("panels/src/planted.rs", "use tokio::sync::mpsc;"), "tokio"),
    ("only the wall's gpu names wgpu", wgpu_at_home, ("wall/src/planted.rs", "fn f(d: &wgpu::Device) {}"), "wgpu"),
    (
        "imports run one way",
        imports_one_way,
        ("wall/Cargo.toml", "[dependencies]\nserver.workspace = true\n"),
        "server",
    ),
    ("the centre is pure", centre_is_pure, ("server/src/centre/planted.rs", "let now = Instant::now();"), "Instant"),
    (
        "SQL stands in log and store",
        sql_at_home,
        ("server/src/hub/planted.rs", "let q = \"SELECT 1 FROM t\";"),
        "SELECT",
    ),
    ("colours stand in the theme", colours_at_home, ("panels/src/kinds/planted.rs", "let c = \"#6FA8DC\";"), "#6FA8DC"),
    ("type sizes stand in the theme", sizes_at_home, ("panels/src/kinds/planted.rs", "    size: 38.0,"), "size: 38.0"),
    (
        "channels are bounded",
        channels_bounded,
        ("wall/src/planted.rs", "let (a, b) = std::sync::mpsc::channel();"),
        "mpsc",
    ),
    (
        "the wire is declared in protocol",
        wire_in_protocol,
        ("server/src/hub/planted.rs", "#[derive(Serialize)]"),
        "Serialize",
    ),
    (
        "who speaks on the wire declares nothing of it",
        wire_in_protocol,
        ("server/src/sources/planted.rs", "use protocol::ServerMessage;\n#[derive(Debug, Serialize)]\nstruct Planted;"),
        "sources/planted.rs:3",
    ),
    (
        "the wire borrows no type",
        wire_in_protocol,
        ("server/src/hub/planted.rs", "fn say(what: &crate::web::health::Readiness) {}"),
        "Readiness",
    ),
    (
        "the wire is not written by hand",
        wire_in_protocol,
        ("server/src/web/live.rs", "let message = json!({ \"type\": \"frame\" });"),
        "json!",
    ),
    ("paths of the map exist", map_is_true, ("ARCHITECTURE.md", "see `server/src/nowhere.rs`"), "nowhere.rs"),
    (
        "texts are in both languages",
        texts_in_both,
        ("assets/locales/en.ftl", "planted-key = Only here\n"),
        "planted-key",
    ),
    (
        "texts that are used exist",
        texts_exist,
        ("panels/src/kinds/planted.rs", "locale::text(language, \"no-such-key\")"),
        "no-such-key",
    ),
    (
        "what the console says exists",
        texts_exist,
        ("server/console/src/planted.svelte", "<p>{say(\"no-such-key\")}</p>"),
        "no-such-key",
    ),
    (
        "no text stands in the code",
        no_text_in_code,
        ("server/src/web/planted.rs", "let words = \"Chưa có số liệu\";"),
        "Chưa có số liệu",
    ),
    (
        "no words are painted from the code",
        no_text_in_code,
        ("panels/src/kinds/planted.rs", "Piece::words(\"no figures yet\", style)"),
        "no figures yet",
    ),
    ("files stay small", files_small, ("server/src/planted.rs", PLANTED_LONG), "lines"),
    ("names say something", names_say_something, ("server/src/planted_helper.rs", ""), "helper"),
];

/// Longer than a file may be.
const PLANTED_LONG: &str = "LONG";

#[test]
fn the_house_is_in_order() {
    let tree = read();
    let found: Vec<String> = RULES
        .iter()
        .flat_map(|(name, rule, ..)| rule(&tree).into_iter().map(move |what| format!("{name}: {what}")))
        .collect();
    assert!(found.is_empty(), "\n{}\n", found.join("\n"));
}

#[test]
fn every_rule_finds_its_planted_violation() {
    let clean = read();
    for (name, rule, (path, text), wanted) in RULES {
        let mut tree = clean.clone();
        let text = if *text == PLANTED_LONG { "// a line\n".repeat(601) } else { (*text).to_owned() };
        let file = tree.entry((*path).to_owned()).or_default();
        file.push('\n');
        file.push_str(&text);
        let found = rule(&tree);
        assert!(found.iter().any(|what| what.contains(wanted)), "'{name}' does not find {text:?} in {path}: {found:?}");
    }
}

fn read() -> Tree {
    let mut tree = Tree::new();
    collect(&tests::root(), "", &mut tree);
    assert!(tree.len() > 50, "read only {} files", tree.len());
    tree
}

const FOLDERS: [&str; 10] =
    ["protocol", "panels", "server", "wall", "tests", "assets", "config", "docs", "scripts", ".ci"];
const KINDS: [&str; 13] = ["rs", "toml", "md", "ftl", "wgsl", "py", "sh", "html", "css", "js", "ts", "svelte", "json"];
/// What is made from others, and stands in no commit.
const MADE: [&str; 4] = ["node_modules", "target", "site", "schema.d.ts"];

fn collect(folder: &Path, path: &str, tree: &mut Tree) {
    for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let name = entry.file_name().to_string_lossy().into_owned();
        let inner = if path.is_empty() { name.clone() } else { format!("{path}/{name}") };
        let is_folder = entry.file_type().unwrap().is_dir();
        if is_folder && (!path.is_empty() || FOLDERS.contains(&name.as_str())) && !MADE.contains(&name.as_str()) {
            collect(&entry.path(), &inner, tree);
        } else if !is_folder
            && !MADE.contains(&name.as_str())
            && name.rsplit_once('.').is_some_and(|(_, kind)| KINDS.contains(&kind))
        {
            tree.insert(inner, std::fs::read_to_string(entry.path()).unwrap());
        }
    }
}

/// Lines of the files that `wanted` names in which `pattern` is found, comments aside.
fn search(tree: &Tree, wanted: impl Fn(&str) -> bool, pattern: &str) -> Vec<String> {
    let pattern = Regex::new(pattern).unwrap();
    let mut found = Vec::new();
    for (path, text) in tree.iter().filter(|(path, _)| wanted(path)) {
        for (number, line) in text.lines().enumerate() {
            let code = line.split("// ").next().unwrap_or(line);
            let is_comment = code.trim_start().starts_with("//");
            if let Some(hit) = pattern.find(code).filter(|_| !is_comment) {
                found.push(format!("{path}:{}: {}", number + 1, hit.as_str()));
            }
        }
    }
    found
}

/// The names under `[dependencies]` of a crate.
fn dependencies(tree: &Tree, name: &str) -> BTreeSet<String> {
    let text = tree.get(&format!("{name}/Cargo.toml")).map(String::as_str).unwrap_or_default();
    let mut inside = false;
    let mut names = BTreeSet::new();
    for line in text.lines().map(str::trim) {
        if line.starts_with('[') {
            inside = line == "[dependencies]";
        } else if let (true, Some((dependency, _))) = (inside, line.split_once(['.', ' ', '='])) {
            names.insert(dependency.to_owned());
        }
    }
    names
}

fn is_rust_in(folder: &'static str) -> impl Fn(&str) -> bool {
    move |path| path.starts_with(folder) && path.ends_with(".rs")
}

fn is_test(path: &str) -> bool {
    path.contains("/tests/") || path.ends_with("tests.rs") || path.contains("_test")
}

fn stand_alone(tree: &Tree) -> Vec<String> {
    let banned = ["tokio", "tokio-util", "axum", "hyper", "reqwest", "wgpu", "winit", "rusqlite", "redis"];
    let mut found = Vec::new();
    for name in ["protocol", "panels"] {
        let taken = dependencies(tree, name);
        assert!(taken.contains("serde"), "the dependencies of {name} are not read");
        found.extend(
            banned
                .iter()
                .filter(|banned| taken.contains(**banned))
                .map(|banned| format!("{name}/Cargo.toml: {banned}")),
        );
        let prefix = format!("{name}/src/");
        let here = |path: &str| path.starts_with(&prefix) && path.ends_with(".rs") && !is_test(path);
        found.extend(search(tree, here, r"\b(tokio|axum|wgpu|std::fs|std::net|SystemTime|Instant::now)\b"));
    }
    found
}

fn wgpu_at_home(tree: &Tree) -> Vec<String> {
    let home = ["wall/src/gpu/", "wall/src/displays", "wall/src/capture.rs"];
    let elsewhere = |path: &str| is_rust_in("wall/src/")(path) && !home.iter().any(|home| path.starts_with(home));
    search(tree, elsewhere, r"\bwgpu::")
}

fn imports_one_way(tree: &Tree) -> Vec<String> {
    let may_name = [
        ("protocol", vec![]),
        ("panels", vec!["protocol"]),
        ("server", vec!["protocol", "panels"]),
        ("wall", vec!["protocol", "panels"]),
    ];
    let ours = ["protocol", "panels", "server", "wall", "tests"];
    let mut found = Vec::new();
    for (name, may) in may_name {
        let taken = dependencies(tree, name);
        found.extend(
            ours.iter()
                .filter(|ours| taken.contains(**ours) && !may.contains(ours))
                .map(|ours| format!("{name} depends on {ours}")),
        );
    }
    found
}

fn centre_is_pure(tree: &Tree) -> Vec<String> {
    let pattern = r"\b(std::fs|std::net|std::io|std::env|tokio|SystemTime|Instant|Timestamp::now|Zoned::now|rusqlite|redis|reqwest|rand)\b";
    search(tree, is_rust_in("server/src/centre"), pattern)
}

fn sql_at_home(tree: &Tree) -> Vec<String> {
    let home = ["server/src/log/", "server/src/store/", "server/src/sources/sql/"];
    let elsewhere = |path: &str| {
        is_rust_in("server/src/")(path) && !is_test(path) && !home.iter().any(|home| path.starts_with(home))
    };
    search(
        tree,
        elsewhere,
        r"\b(SELECT |INSERT INTO|INSERT OR|DELETE FROM|CREATE TABLE|PRAGMA |UPDATE \w+ SET)|\brusqlite\b",
    )
}

fn colours_at_home(tree: &Tree) -> Vec<String> {
    let painted = |path: &str| {
        let ours = ["panels/src/", "wall/src/", "server/src/"].iter().any(|folder| path.starts_with(folder));
        let kind = [".rs", ".wgsl", ".css", ".html", ".js", ".ts", ".svelte"].iter().any(|kind| path.ends_with(kind));
        let ours = ours || path.starts_with("server/console/");
        ours && kind && !["panels/src/theme.rs", "server/console/src/tokens.css"].contains(&path) && !is_test(path)
    };
    search(&without_unit_tests(tree), painted, r"#[0-9A-Fa-f]{6}\b|\bColor::(rgba?|hex)\(|\brgba?\(\d")
}

fn sizes_at_home(tree: &Tree) -> Vec<String> {
    search(&without_unit_tests(tree), is_rust_in("panels/src/kinds/"), r"\b(font_)?size: [0-9]+(\.[0-9]+)?\b")
}

fn channels_bounded(tree: &Tree) -> Vec<String> {
    let mut found = search(
        tree,
        |path| path.ends_with(".rs") && path != "tests/tests/tidy.rs",
        r"\bunbounded(_channel)?\b|(std::sync::)?\bmpsc::channel\(\)",
    );
    let bans = tree.get("clippy.toml").map(String::as_str).unwrap_or_default();
    for banned in ["tokio::sync::mpsc::unbounded_channel", "std::sync::mpsc::channel"] {
        if !bans.lines().any(|line| line.contains(banned) && line.contains("reason")) {
            found.push(format!("clippy.toml: {banned} is not banned with a reason"));
        }
    }
    found
}

/// Files in which server and wall speak over `/live`.
fn is_wire(path: &str, text: &str) -> bool {
    let places = ["server/src/hub/", "server/src/web/live", "wall/src/connection"];
    let ours = path.ends_with(".rs") && (path.starts_with("server/src/") || path.starts_with("wall/src/"));
    let speaks = text.contains("ServerMessage") || text.contains("ClientMessage");
    ours && !is_test(path) && (speaks || places.iter().any(|place| path.starts_with(place)))
}

/// Types of server and wall that are written or read in some form, as `module::Type`.
fn written_types(tree: &Tree) -> BTreeSet<(String, String)> {
    let declared = r"derive\([^)]*\b(?:Serialize|Deserialize)\b[^)]*\)\]\s*(?:#\[[^\]]*\]\s*|///[^\n]*\n\s*)*(?:pub(?:\([^)]*\))? )?(?:struct|enum) (\w+)";
    let declared = Regex::new(declared).unwrap();
    let is_ours = |path: &str| (is_rust_in("server/src/")(path) || is_rust_in("wall/src/")(path)) && !is_test(path);
    let mut types = BTreeSet::new();
    for (path, text) in tree.iter().filter(|(path, _)| is_ours(path)) {
        let module = path.trim_end_matches(".rs").trim_end_matches("/mod").rsplit('/').next().unwrap_or(path);
        types.extend(declared.captures_iter(text).map(|found| (module.to_owned(), found[1].to_owned())));
    }
    types
}

fn wire_in_protocol(tree: &Tree) -> Vec<String> {
    let tree = &without_unit_tests(tree);
    let wire = |path: &str| tree.get(path).is_some_and(|text| is_wire(path, text));
    let mut found = search(tree, wire, r"derive\([^)]*\b(Serialize|Deserialize)\b|\bjson!");
    let written = written_types(tree);
    assert!(written.iter().any(|(_, name)| name == "Readiness"), "types that are written are not read: {written:?}");
    // A refusal over HTTP, before anyone speaks on the wire.
    let names: Vec<String> = written
        .iter()
        .filter(|(_, name)| name != "Problem")
        .map(|(module, name)| format!(r"{module}::(?:\{{[^}}]*\b)?{name}"))
        .collect();
    found.extend(search(tree, wire, &format!(r"\b({})\b", names.join("|"))));
    let allowed = ["serde", "serde_json", "schemars", "thiserror"];
    let extra = dependencies(tree, "protocol").into_iter().filter(|name| !allowed.contains(&name.as_str()));
    found.extend(extra.map(|name| format!("protocol/Cargo.toml: {name}")));
    found
}

fn map_is_true(tree: &Tree) -> Vec<String> {
    let quoted = Regex::new(r"`([A-Za-z_.][A-Za-z0-9_.-]*/[A-Za-z0-9_./-]*|[A-Z]+\.md)`").unwrap();
    let map = tree.get("ARCHITECTURE.md").map(String::as_str).unwrap_or_default();
    let named: Vec<&str> =
        quoted.captures_iter(map).filter_map(|found| found.get(1)).map(|found| found.as_str()).collect();
    assert!(named.len() > 5, "ARCHITECTURE.md names only {named:?}");
    let missing = named.into_iter().filter(|path| !tests::root().join(path).exists());
    missing.map(|path| format!("ARCHITECTURE.md names {path}, which is not there")).collect()
}

fn keys(tree: &Tree, language: &str) -> BTreeSet<String> {
    let text = tree.get(&format!("assets/locales/{language}.ftl")).map(String::as_str).unwrap_or_default();
    let key = Regex::new(r"(?m)^([a-z][a-z0-9-]*) *=").unwrap();
    key.captures_iter(text).filter_map(|found| found.get(1)).map(|found| found.as_str().to_owned()).collect()
}

fn texts_in_both(tree: &Tree) -> Vec<String> {
    let both = |of: &str| {
        let (vi, en) = (keys(tree, &format!("{of}vi")), keys(tree, &format!("{of}en")));
        assert!(vi.len() > 10, "{of}vi.ftl has only {vi:?}");
        vi.symmetric_difference(&en).map(|key| format!("{key} is in one language only")).collect::<Vec<_>>()
    };
    [both(""), both("console.")].concat()
}

/// Keys that code asks for by name: `text(language, "key")` and the like.
fn texts_exist(tree: &Tree) -> Vec<String> {
    let known = keys(tree, "vi");
    let asked =
        Regex::new(r#"\b(?:text|text_with|word|words)\(\s*[A-Za-z_.&]*language[A-Za-z_.()]*,\s*"([a-z][a-z0-9-]*)""#)
            .unwrap();
    let mut found = Vec::new();
    for (path, text) in tree.iter().filter(|(path, _)| {
        path.ends_with(".rs") && !["panels/src/locale.rs", "tests/tests/tidy.rs"].contains(&path.as_str())
    }) {
        let used = asked.captures_iter(text).filter_map(|found| found.get(1)).map(|found| found.as_str());
        let missing = used.filter(|key| !known.contains(*key));
        found.extend(missing.map(|key| format!("{path} uses the text {key}, which assets/locales does not have")));
    }
    let known = keys(tree, "console.vi");
    let said = Regex::new(r#"\bsay\("([a-z][a-z0-9-]*)""#).unwrap();
    for (path, text) in tree.iter().filter(|(path, _)| path.starts_with("server/console/src/")) {
        let used = said.captures_iter(text).filter_map(|found| found.get(1)).map(|found| found.as_str());
        let missing = used.filter(|key| !known.contains(*key));
        found
            .extend(missing.map(|key| format!("{path} says {key}, which assets/locales/console.vi.ftl does not have")));
    }
    found
}

/// Vietnamese words in literals, and words that are painted as they stand in the code.
fn no_text_in_code(tree: &Tree) -> Vec<String> {
    let tree = &without_unit_tests(tree);
    let ours = |path: &str| {
        let read = ["panels/src/", "wall/src/", "server/src/"].iter().any(|folder| path.starts_with(folder));
        read && [".rs", ".html", ".js"].iter().any(|kind| path.ends_with(kind)) && !is_test(path)
    };
    let vietnamese = r#""[^"]*[À-ÃÈ-ÊÌÍÒ-ÕÙÚÝà-ãè-êìíò-õùúýĂăĐđĨĩŨũƠơƯưẠ-ỹ][^"]*""#;
    let painted = r#"\b(Piece::words|Label::time|Label::tick)\((format!\()?"[^"{]*[A-Za-z]{2}[^"]*""#;
    let mut found = search(tree, ours, vietnamese);
    found.extend(search(tree, is_rust_in("panels/src/"), painted));
    // The name of the program is the same in every language; an alphabet is no text.
    found.retain(|found| !found.ends_with("\"Toàn Cảnh\"") && !found.starts_with("panels/src/collation.rs:"));
    found
}

fn files_small(tree: &Tree) -> Vec<String> {
    let code = tree.iter().filter(|(path, _)| path.ends_with(".rs") || path.ends_with(".py"));
    let long = code.filter(|(_, text)| {
        text.lines().count() > 600 && !text.lines().take(12).any(|line| line.contains("Long because"))
    });
    long.map(|(path, text)| {
        format!("{path}: {} lines; at most 600, or its head says 'Long because …'", text.lines().count())
    })
    .collect()
}

fn names_say_something(tree: &Tree) -> Vec<String> {
    let empty = Regex::new(r"(?i)(manager|helper|utils?)\b").unwrap();
    let files = tree.keys().filter(|path| path.ends_with(".rs")).filter(|path| {
        let stem = path.rsplit('/').next().unwrap_or(path).trim_end_matches(".rs").replace('_', " ");
        empty.is_match(&stem)
    });
    let mut found: Vec<String> = files.map(|path| format!("{path}: a name that says nothing")).collect();
    let ours = |path: &str| path.ends_with(".rs") && path != "tests/tests/tidy.rs";
    found.extend(search(
        tree,
        ours,
        r"\b(struct|enum|trait|fn|mod) \w*(?i:manager|helper|utils)\w*|\blet (mut )?data\b",
    ));
    found
}

/// The tree with everything behind `#[cfg(test)]` left out.
fn without_unit_tests(tree: &Tree) -> Tree {
    let cut = |text: &String| text.split("#[cfg(test)]\nmod ").next().unwrap_or(text).to_owned();
    tree.iter().map(|(path, text)| (path.clone(), cut(text))).collect()
}

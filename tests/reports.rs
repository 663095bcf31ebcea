//! Reports as others read them: terminals, SARIF viewers, and a real browser, which must find in a
//! page made from hostile mail nothing to run and nothing to load.

mod support;

use serde_json::Value;
use std::collections::HashSet;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use support::directory::TestDirectory;
use support::tools;

const PROGRAM: &str = env!("CARGO_BIN_EXE_vpim-milter");

fn example(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/messages").join(name)
}

fn check<'a>(args: &[&str], files: impl IntoIterator<Item = &'a PathBuf>) -> Output {
    let mut command = Command::new(PROGRAM);
    command.arg("check").args(args).args(files).env_remove("NO_COLOR");
    command.output().expect("the built binary starts")
}

fn text(octets: &[u8]) -> String {
    String::from_utf8_lossy(octets).into_owned()
}

#[test]
fn text_is_coloured_on_a_terminal_and_where_asked_for() {
    let file = example("viol-no-disposition.eml");
    let plain = text(&check(&[], [&file]).stdout);
    assert!(!plain.contains('\x1b') && plain.contains("15 | Content-Type: audio/32KADPCM"), "{plain}");
    let always = text(&check(&["--color", "always"], [&file]).stdout);
    assert!(always.contains("\x1b[1;31mMUST\x1b[0m"), "{always}");
    if !tools::available(&["script"]) {
        return;
    }
    // A terminal of its own for the command.
    let on_terminal = |args: &str, no_color: Option<&str>| {
        let command = format!("'{PROGRAM}' check {args} '{}'", file.display());
        let mut script = Command::new("script");
        script.args(["-qec", &command, "/dev/null"]).env("TERM", "xterm").env_remove("NO_COLOR");
        script.envs(no_color.map(|value| ("NO_COLOR", value)));
        text(&script.output().expect("script runs").stdout)
    };
    assert!(on_terminal("", None).contains("\x1b[1;31m"));
    assert!(on_terminal("", Some("")).contains("\x1b[1;31m"), "an empty NO_COLOR counts as none");
    assert!(!on_terminal("", Some("1")).contains('\x1b'));
    assert!(!on_terminal("--color never", None).contains('\x1b'));
}

/// The properties of an object are those the standard names, the required ones among them.
fn properties(value: &Value, required: &[&str], optional: &[&str]) {
    let object = value.as_object().unwrap_or_else(|| panic!("no object: {value}"));
    for name in required {
        assert!(object.contains_key(*name), "no {name}: {value}");
    }
    for name in object.keys() {
        assert!(required.contains(&name.as_str()) || optional.contains(&name.as_str()), "{name}: {value}");
    }
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

#[test]
fn sarif_has_the_structure_of_the_standard() {
    let missing = PathBuf::from("no/such file.eml");
    let files: Vec<PathBuf> = ["viol-no-disposition.eml", "pbx-hylafax-tiff.eml", "pass-plain.eml"]
        .map(example)
        .into_iter()
        .chain([missing])
        .collect();
    let output = check(&["--format", "sarif", "--mail-from", "non-mail-user@example.net"], &files);
    assert_eq!(output.status.code(), Some(2), "a file is missing");
    let log: Value = serde_json::from_slice(&output.stdout).expect("one log for all files");
    properties(&log, &["$schema", "version", "runs"], &[]);
    assert_eq!(log["version"], "2.1.0");
    let [run] = list(&log["runs"]) else { panic!("one run") };
    properties(run, &["tool", "results"], &["artifacts", "invocations", "columnKind"]);
    let driver = &run["tool"]["driver"];
    properties(driver, &["name", "rules"], &["semanticVersion", "shortDescription"]);
    let mut ids = HashSet::new();
    for rule in list(&driver["rules"]) {
        let known = ["id", "shortDescription", "fullDescription", "help", "helpUri", "defaultConfiguration"];
        properties(rule, &known, &["properties"]);
        assert!(ids.insert(rule["id"].as_str().expect("an id")), "{rule}");
        assert!(
            rule["helpUri"].as_str().is_some_and(|u| u.starts_with("https://www.rfc-editor.org/rfc/rfc"))
        );
        assert!(rule["help"]["text"].as_str().is_some_and(|t| !t.is_empty()), "{rule}");
    }
    let artifacts = list(&run["artifacts"]);
    assert_eq!(artifacts.len(), 3);
    let mut levels = HashSet::new();
    assert!(list(&run["results"]).len() > 3);
    for result in list(&run["results"]) {
        properties(result, &["ruleId", "ruleIndex", "level", "message", "locations"], &["properties"]);
        let index = result["ruleIndex"].as_u64().expect("an index") as usize;
        assert_eq!(list(&driver["rules"])[index]["id"], result["ruleId"]);
        levels.insert(result["level"].as_str().expect("a level"));
        assert!(result["message"]["text"].as_str().is_some_and(|t| !t.is_empty()), "{result}");
        let [location] = list(&result["locations"]) else { panic!("one location: {result}") };
        properties(location, &["physicalLocation"], &["logicalLocations"]);
        let physical = &location["physicalLocation"];
        properties(physical, &["artifactLocation"], &["region"]);
        let index = physical["artifactLocation"]["index"].as_u64().expect("an index") as usize;
        assert_eq!(artifacts[index]["location"]["uri"], physical["artifactLocation"]["uri"]);
        if let Some(region) = physical.get("region") {
            properties(region, &["startLine"], &["snippet"]);
            assert!(region["startLine"].as_u64().is_some_and(|line| line >= 1), "{region}");
        }
        for logical in list(&location["logicalLocations"]) {
            properties(logical, &["name", "fullyQualifiedName", "kind"], &[]);
        }
    }
    assert!(levels.contains("error") && levels.iter().all(|l| ["error", "warning", "note"].contains(l)));
    let first = list(&run["results"]).iter().find(|r| r["ruleId"] == "vpim2-content-disposition-present");
    let location = &first.expect("the finding of the first file")["locations"][0];
    assert_eq!(location["physicalLocation"]["region"]["startLine"], 15);
    assert_eq!(location["logicalLocations"][0]["fullyQualifiedName"], "part 1/Content-Disposition");
    let [invocation] = list(&run["invocations"]) else { panic!("one invocation") };
    assert_eq!(invocation["executionSuccessful"], false);
    let notification = &list(&invocation["toolExecutionNotifications"])[0];
    let uri = &notification["locations"][0]["physicalLocation"]["artifactLocation"]["uri"];
    assert_eq!(uri, "no/such%20file.eml");
}

/// The schema itself is not ours to carry: the npm package @microsoft/sarif-multitool-linux has it as
/// `sarif-2.1.0.json`, and `VPIM_SARIF_SCHEMA` says where. Validated by Python's jsonschema.
#[test]
fn sarif_is_valid_by_its_schema() {
    const SCRIPT: &str = "import json, sys, jsonschema\n\
        schema = json.load(open(sys.argv[1], encoding='utf-8-sig'))\n\
        jsonschema.validators.validator_for(schema)(schema).validate(json.load(sys.stdin))";
    let Some(schema) = std::env::var_os("VPIM_SARIF_SCHEMA") else {
        println!("skipped: VPIM_SARIF_SCHEMA is not set");
        return;
    };
    let directory = TestDirectory::new("sarif");
    let kit = directory.join("kit");
    let made = Command::new(PROGRAM).arg("samples").arg(&kit).output().expect("the built binary starts");
    assert!(made.status.success());
    let entries = ["golden", "broken"].map(|folder| std::fs::read_dir(kit.join(folder)).expect("the kit"));
    let paths = entries.into_iter().flatten().map(|entry| entry.expect("a file").path());
    let files: Vec<PathBuf> = paths.filter(|path| path.extension().is_some_and(|e| e == "eml")).collect();
    let log = check(&["--format", "sarif"], &files).stdout;
    let mut python = Command::new("python3");
    python.args(["-c", SCRIPT]).arg(schema).stdin(Stdio::piped()).stderr(Stdio::piped());
    let mut child = python.spawn().expect("python3 starts");
    child.stdin.take().expect("a pipe").write_all(&log).expect("python3 reads");
    let output = child.wait_with_output().expect("python3 ends");
    assert!(output.status.success(), "{}", text(&output.stderr));
}

/// What an attacker writes where text belongs. `{}` is the address of our listener.
const ATTACKS: [&str; 12] = [
    "<script>document.documentElement.dataset.ran='script'</script>",
    "<script src=http://{}/script></script>",
    "<img src=http://{}/img onerror=\"document.documentElement.dataset.ran='onerror'\">",
    "<svg onload=\"document.documentElement.dataset.ran='svg'\"><image href=http://{}/svg /></svg>",
    "</style><style>html{background:url(http://{}/css)}</style>",
    "</title></bdi></pre></section></article><iframe src=http://{}/frame></iframe>",
    "<link rel=stylesheet href=http://{}/link><object data=http://{}/object></object>",
    "<video src=http://{}/video autoplay></video><embed src=http://{}/embed>",
    "\" style=\"background:url(http://{}/attribute)\" onload=\"document.documentElement.dataset.ran='attr'\" x=\"",
    "' onmouseover='document.documentElement.dataset.ran=1' autofocus onfocus='alert(1)",
    "<a href=\"javascript:document.documentElement.dataset.ran='href'\">&lt;b&gt;</a>&#60;script&#62;",
    "\u{202e}<iframe srcdoc='<script>parent.document.documentElement.dataset.ran=2</script>'>\u{0}\u{2066}",
];

/// A voice message that has an attack everywhere.
fn hostile(attack: &str) -> Vec<u8> {
    let quoted = attack.replace('"', "\\\"");
    format!(
        "From: \"{quoted}\" <a@example.net>\r\nTo: {attack}\r\nDate: {attack}\r\nSubject: {attack}\r\n\
         Message-ID: {attack}\r\nMIME-Version: 1.0 (Voice 2.0)\r\nSensitivity: {attack}\r\nX-Note: {attack}\r\n\
         Content-Type: multipart/voice-message; version=\"{quoted}\"; boundary=\"{quoted}\"\r\n\r\n\
         --{attack}\r\nContent-Type: audio/{attack}\r\nContent-Duration: {attack}\r\nContent-Language: {attack}\r\n\
         Content-Transfer-Encoding: {attack}\r\nContent-ID: {attack}\r\n\
         Content-Disposition: {attack}; voice=\"{quoted}\"; filename=\"{quoted}\"\r\n\r\n{attack}\r\n\
         --{attack}\r\nContent-Type: image/tiff; application=\"{quoted}\"; name=\"{quoted}\"\r\n\r\n{attack}\r\n\
         --{attack}\r\nContent-Type: text/{attack}\r\n\r\n{attack}\r\n--{attack}--\r\n"
    )
    .into_bytes()
}

/// A web server on the loopback that notes what is asked of it.
struct Listener {
    address: String,
    seen: Arc<Mutex<Vec<String>>>,
}

impl Listener {
    fn new() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a loopback port");
        let address = listener.local_addr().expect("a bound socket").to_string();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let notes = seen.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let Ok(mut stream) = stream else { continue };
                let _ = stream.set_read_timeout(Some(Duration::from_secs(2)));
                let mut request = [0; 512];
                let n = stream.read(&mut request).unwrap_or(0);
                let line = text(&request[..n]).lines().next().unwrap_or("a connection").to_owned();
                notes.lock().expect("no panic holds it").push(line);
                let _ = stream
                    .write_all(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
            }
        });
        Listener { address, seen }
    }

    fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.seen.lock().expect("no panic holds it"))
    }
}

/// Opens a page in the browser; the DOM it made of it.
fn browse(directory: &TestDirectory, page: &Path, screenshot: Option<&Path>) -> String {
    let mut command = Command::new("timeout");
    command.args(["120", "chromium", "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic"]);
    command.args(["--no-first-run", "--disable-background-networking", "--disable-component-update"]);
    command.args(["--disable-sync", "--hide-scrollbars", "--window-size=1000,2600", "--dump-dom"]);
    command.arg(format!("--user-data-dir={}", directory.join("browser").display()));
    command.args(screenshot.map(|path| format!("--screenshot={}", path.display())));
    let output = command.arg(format!("file://{}", page.display())).output().expect("chromium runs");
    assert!(output.status.success(), "chromium: {}", text(&output.stderr));
    text(&output.stdout)
}

#[test]
fn a_browser_shows_the_page_and_runs_and_loads_nothing() {
    if !tools::available(&["chromium"]) {
        return;
    }
    let directory = TestDirectory::new("browser");
    let listener = Listener::new();
    let attacks: Vec<String> = ATTACKS.iter().map(|a| a.replace("{}", &listener.address)).collect();

    // The attacks are real: as they are, the browser runs and loads them.
    let control = directory.join("control.html");
    let raw: String = attacks.iter().map(|a| format!("<p>{a}</p>\n")).collect();
    std::fs::write(&control, format!("<!DOCTYPE html><html lang=\"en\"><body>{raw}")).expect("a page");
    let dom = browse(&directory, &control, None);
    assert!(dom.contains("<html lang=\"en\" data-ran="), "no attack ran: {dom}");
    assert!(listener.take().len() >= 3, "no attack loaded anything");

    // The report on good messages, then on one hostile message an attack, and a hostile file name.
    let page = directory.join("report.html");
    std::fs::write(&page, report(&directory, &attacks)).expect("a page");
    let screenshot = directory.join("report.png");
    let dom = browse(&directory, &page, Some(&screenshot));
    assert_eq!(listener.take(), Vec::<String>::new(), "the page loaded something");
    only_our_elements(&dom);
    shows_what_is_in_the_message(&directory, &page, &screenshot);
}

fn report(directory: &TestDirectory, attacks: &[String]) -> Vec<u8> {
    let mut files = vec![example("desk-voice-fax.eml")];
    for (n, attack) in attacks.iter().enumerate() {
        let path = directory.join(&format!("{n}.eml"));
        std::fs::write(&path, hostile(attack)).expect("a message");
        files.push(path);
    }
    let name = directory.join("<img src=x onerror=document.documentElement.dataset.ran=3>.eml");
    std::fs::write(&name, hostile(&attacks[0])).expect("a message");
    files.push(name);
    let output = check(&["--format", "html", "--mail-from", &attacks[0], "--rcpt-to", &attacks[2]], &files);
    assert_eq!(output.status.code(), Some(1), "{}", text(&output.stderr));
    let html = text(&output.stdout);
    assert_eq!(html.matches("<article>").count(), files.len());
    // Each attack is there to be read.
    assert!(
        html.contains("&lt;script&gt;document.documentElement.dataset.ran=&#39;script&#39;&lt;/script&gt;")
    );
    output.stdout
}

/// Every element and attribute of the DOM is one that our own page has: text of a message became none.
fn only_our_elements(dom: &str) {
    const ELEMENTS: [&str; 36] = [
        "!DOCTYPE",
        "html",
        "head",
        "meta",
        "title",
        "style",
        "body",
        "main",
        "article",
        "section",
        "div",
        "p",
        "h1",
        "h2",
        "h3",
        "bdi",
        "strong",
        "span",
        "dl",
        "dt",
        "dd",
        "table",
        "tbody",
        "tr",
        "th",
        "td",
        "svg",
        "path",
        "figure",
        "figcaption",
        "img",
        "pre",
        "mark",
        "a",
        "footer",
        "b",
    ];
    const ATTRIBUTES: [&str; 20] = [
        "html",
        "lang",
        "charset",
        "http-equiv",
        "content",
        "name",
        "class",
        "style",
        "viewBox",
        "preserveAspectRatio",
        "role",
        "aria-label",
        "fill",
        "d",
        "alt",
        "width",
        "height",
        "src",
        "href",
        "rel",
    ];
    assert!(dom.contains("<html lang=\"en\">"), "something ran: {}", &dom[..200.min(dom.len())]);
    assert_eq!((dom.matches("<style").count(), dom.matches("<meta").count()), (1, 4));
    for tag in dom.split('<').skip(1).map(|t| t.split('>').next().unwrap_or_default()) {
        let Some(tag) = Some(tag).filter(|t| !t.starts_with('/')) else { continue };
        let (name, mut rest) = tag.split_once(' ').unwrap_or((tag, ""));
        assert!(ELEMENTS.contains(&name), "<{tag}>");
        while !rest.is_empty() {
            let (attribute, behind) = rest.split_once("=\"").unwrap_or((rest, "\""));
            let (value, behind) = behind.split_once('"').unwrap_or((behind, ""));
            assert!(ATTRIBUTES.contains(&attribute), "{attribute} in <{tag}>");
            match attribute {
                "src" => assert!(value.starts_with("data:image/png;base64,"), "<{tag}>"),
                "href" => assert!(value.starts_with("https://www.rfc-editor.org/rfc/rfc"), "<{tag}>"),
                "style" => assert!(value.starts_with("--depth:") && value.len() < 12, "<{tag}>"),
                _ => {}
            }
            rest = behind.trim_start();
        }
    }
}

/// Where the browser puts pictures and waveforms, and the sizes the pictures have: asked by a script of
/// the test in a copy of the page without its policy.
fn measured(directory: &TestDirectory, page: &Path) -> Vec<(String, Vec<usize>)> {
    const SCRIPT: &str = "<script>onload=()=>{document.documentElement.dataset.found=\
        [...document.querySelectorAll('img,svg')].slice(0,3).map(e=>{const r=e.getBoundingClientRect();\
        return [e.tagName,r.x,r.y,r.width,r.height,e.naturalWidth||0,e.naturalHeight||0]\
        .map(v=>typeof v=='number'?Math.round(v):v).join(' ')}).join(';')}</script>";
    let html = std::fs::read_to_string(page).expect("the page");
    let policy = html.lines().find(|l| l.contains("Content-Security-Policy")).expect("a policy");
    let copy = directory.join("measured.html");
    std::fs::write(&copy, html.replace(policy, SCRIPT)).expect("a page");
    let dom = browse(directory, &copy, None);
    let found = dom.split("data-found=\"").nth(1).and_then(|d| d.split('"').next()).unwrap_or_default();
    let numbers = |words: &str| words.split(' ').filter_map(|n| n.parse().ok()).collect();
    found
        .split(';')
        .filter_map(|e| e.split_once(' '))
        .map(|(tag, rest)| (tag.to_ascii_lowercase(), numbers(rest)))
        .collect()
}

fn shows_what_is_in_the_message(directory: &TestDirectory, page: &Path, screenshot: &Path) {
    let mut decoder =
        png::Decoder::new(std::io::BufReader::new(std::fs::File::open(screenshot).expect("a picture")));
    decoder.set_transformations(png::Transformations::normalize_to_color8() | png::Transformations::STRIP_16);
    let mut reader = decoder.read_info().expect("a PNG");
    let mut pixels = vec![0; reader.output_buffer_size().expect("a picture of a window")];
    let info = reader.next_frame(&mut pixels).expect("a PNG");
    let depth = info.color_type.samples();
    // The share of pixels of a rectangle of which `is` holds.
    let share = |at: &[usize], is: fn(&[u8]) -> bool| {
        let [x, y, width, height, ..] = *at else { panic!("a rectangle: {at:?}") };
        let mut hits = 0;
        for row in y..y + height {
            let start = (row * info.width as usize + x) * depth;
            hits += pixels[start..start + width * depth].chunks(depth).filter(|p| is(p)).count();
        }
        hits as f64 / (width * height) as f64
    };
    let found = measured(directory, page);
    let tags: Vec<&str> = found.iter().map(|(tag, _)| tag.as_str()).collect();
    assert_eq!(tags, ["svg", "img", "img"], "{found:?}");
    let blue = share(&found[0].1, |p| p[2] > p[0].saturating_add(80) && p[2] > p[1].saturating_add(30));
    assert!((0.02..0.7).contains(&blue), "the waveform covers {blue} of its field");
    for (_, at) in &found[1..] {
        assert_eq!(at[4], 320, "pixels of a thumbnail: {at:?}");
        let (dark, light) = (share(at, |p| p[0] < 110), share(at, |p| p[0] > 230));
        assert!(dark > 0.005 && light > 0.5, "a page with writing: {dark} dark, {light} light");
    }
}

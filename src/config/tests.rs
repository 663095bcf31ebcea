use super::*;
use crate::policy::numbers::{Place, renumbered};
use crate::policy::route::Action;
use crate::policy::{Mode, Profiles, Split, profile};
use std::path::Path;

/// The names of the contract, whatever files are there.
fn profiles() -> Profiles {
    let mut profiles = profile::builtin();
    let untouched = profiles["untouched"].clone();
    for name in ["vpim2", "desktop", "fax-gateway", "outlook"] {
        profiles.entry(name.to_owned()).or_insert_with(|| untouched.clone());
    }
    profiles
}

fn good(text: &str) -> Config {
    load_text(&[("t.toml", text)], profiles()).unwrap_or_else(|p| panic!("{p:#?}"))
}

fn problems(text: &str) -> Vec<String> {
    let problems = load_text(&[("t.toml", text)], profiles()).expect_err("refused");
    problems.iter().map(ToString::to_string).collect()
}

#[test]
fn without_a_file_the_defaults_hold() {
    let config = load(None, profiles()).unwrap();
    assert_eq!(config.settings.mode, Mode::Report);
    assert_eq!(config.daemon.listen, ["inet:8894@127.0.0.1".parse().unwrap()]);
    assert_eq!(config.daemon.on_failure, OnFailure::Tempfail);
    let [route] = &config.settings.routes[..] else { panic!() };
    assert_eq!((route.name.as_str(), route.profile.as_str()), ("default", "untouched"));
    assert!(!config.settings.results.authserv_id.is_empty());
    assert!(config.settings.results.key.len() >= 16);
}

#[test]
fn every_mistake_has_its_place_and_a_remedy() {
    for (text, message) in [
        ("listne = []", "t.toml:1:1: unknown key `listne`; did you mean `listen`?"),
        (
            "\n[limits]\n message_byte = 3",
            "t.toml:3:2: unknown key `message_byte`; did you mean `message_bytes`?",
        ),
        ("mode = \"enforced\"", "t.toml:1:8: unknown value `enforced`; did you mean `enforce`?"),
        ("mode = 3", "t.toml:1:8: wanted string or table"),
        ("mode = ", "t.toml:1:8: string values must be quoted, expected literal string"),
        (
            "listen = [\"inet:1@::1\",\n  \"inet:[::1]:1\"]",
            "t.toml:2:3: a second listener on inet6:1@::1; remove one of them",
        ),
        ("listen = []", "t.toml:1:10: `listen` is empty; write listen = [\"inet:8894@127.0.0.1\"]"),
        (
            "listen = [\"inet:8894\"]",
            "t.toml:1:11: `inet:8894` has no host: write inet:PORT@127.0.0.1 for this machine only, inet:PORT@0.0.0.0 for every interface",
        ),
        (
            "[[route]]\nname = \"a\"\nprofile = \"vpim\"",
            "t.toml:3:11: unknown profile `vpim`; did you mean `vpim2`?",
        ),
        (
            "[[route]]\nname = \"a\"\nprofile = \"desktop\"\non_must = \"discard-part\"",
            "t.toml:4:11: the action `discard-part` is not in this version; a profile drops parts: `text`, `vcard` or `other` = \"drop\"",
        ),
        (
            "[[route]]\nname = \"a\"\nprofile = \"desktop\"\non_should = \"reapir\"",
            "t.toml:4:13: unknown action `reapir`; did you mean `repair`?",
        ),
        (
            "[[route]]\nname = \"a\"\nprofile = \"desktop\"\n[route.rules]\n\"vpim9-*\" = \"reject\"",
            "t.toml:5:1: `vpim9-*` is no rule; `vpim-milter explain` lists the ids; globs are possible",
        ),
        ("[[route]]\nname = \"a\"", "t.toml:1:1: missing field `profile`"),
        (
            "[[route]]\nname = \"a\"\nprofile = \"vpim2\"\nmatch.client = [\"10.0.0.0/33\"]",
            "t.toml:4:17: `10.0.0.0/33` is no network; write 192.0.2.0/24 or 2001:db8::/32",
        ),
        (
            "[[route]]\nname = \"a\"\nprofile = \"vpim2\"\nmatch.recipient = [\".*@x\"]",
            "t.toml:4:20: `.*@x` looks like a regular expression; patterns are globs: `*@example.org`, `+1613*@*`",
        ),
        (
            "[[route]]\nname = \"a\"\nprofile = \"vpim2\"\nmatch.macro.rcpt_mailer = \"x\"",
            "t.toml:4:13: macro `rcpt_mailer` differs from recipient to recipient; match on `recipient` instead",
        ),
        (
            "[[route]]\nname = \"a\"\nprofile = \"vpim2\"\nmatch.to = \"x\"",
            "t.toml:4:7: unknown key `to`; known are client, auth, helo, sender, recipient, header, macro",
        ),
        (
            "[[route]]\nname = \"a\"\nprofile = \"vpim2\"\nnumbers = [{ match = \"pat\" }]",
            "t.toml:4:22: `pat` is no pattern of numbers; write digits, `?` for one digit, `*` for any: \"44??\", \"+1604*\"",
        ),
        (
            "[[route]]\nname = \"a\"\nprofile = \"vpim2\"\nnumbers = [{ match = \"1\" },\n { match = \"*\", prefix = \"9\" }]",
            "t.toml:5:2: this rule changes its own results: a second pass would change the address again; write a narrower `match`, such as \"44??\" for four digits",
        ),
        (
            "[[route]]\nname = \"a\"\nprofile = \"vpim2\"\nnumbers = [{ match = \"0*\", strip = 1, prefix = \"+49\" },\n { match = \"+49*\", strip = 3, prefix = \"0\" }]",
            "t.toml:4:12: rule 2 changes what this rule made: a second pass would change the address again; write a narrower `match`, such as \"44??\" for four digits",
        ),
        (
            "[[route]]\nname = \"a\"\nprofile = \"vpim2\"\nnumbers = [{ match = \"4*\", domain = \"b\" },\n { match = \"44\", domain = \"c\" }]",
            "t.toml:5:2: this rule never holds: rule 1 takes all its numbers; put the special one before the general one",
        ),
        (
            "[[route]]\nname = \"a\"\nprofile = \"vpim2\"\nnumbers = [{ match = \"44\", strip = 2 }]",
            "t.toml:4:12: this rule leaves no number; take fewer characters off; a plus sign must be taken off (strip = 1) before a prefix",
        ),
        (
            "[[route]]\nname = \"a\"\nprofile = \"vpim2\"\nnumbers = [{ match = \"44\", prefix = \"6-\" }]",
            "t.toml:4:37: `6-` cannot stand before a number; write digits, for international numbers `+` and the country code",
        ),
        (
            "[[route]]\nname = \"a\"\nprofile = \"vpim2\"\nnumbers = [{ match = \"44\", keep = 1, strip = 1 }]",
            "t.toml:4:35: keep = 1 cannot be; write 1 to 30, without `strip`",
        ),
        (
            "[[route]]\nname = \"a\"\nprofile = \"vpim2\"\nnumbers = [{ match = \"44\", selector = \"F=\" }]",
            "t.toml:4:39: `F=` is no selector; write FAX, VPIM, VOICE or AMIS, or nothing to take it away",
        ),
        (
            "[[route]]\nname = \"a\"\nprofile = \"vpim2\"\nnumbers = [{ match = \"44\", domain = \"@b.test\" }]",
            "t.toml:4:37: `@b.test` is no domain; write a name such as vm2.example.org, without @",
        ),
        (
            "[[route]]\nname = \"a\"\nprofile = \"vpim2\"\nnumbers = [{ match = \"44\", domain = \"b\", apply = [\"form\"] }]",
            "t.toml:4:51: `form` is no place of addresses; did you mean `from`?",
        ),
        ("[limits]\nfax_pages = 0", "t.toml:2:13: limits.fax_pages is 0; write 1 or more"),
        (
            "[profile.x]\nsummary = true",
            "t.toml:1:10: profile `x` has no `extends`; name the profile it differs from",
        ),
        (
            "[profile.x]\nextends = \"desktpo\"",
            "t.toml:2:11: unknown profile `desktpo`; did you mean `desktop`?",
        ),
        (
            "[profile.x]\nextends = \"vpim2\"\nsumary = true",
            "t.toml:3:1: unknown key `sumary`; did you mean `summary`?",
        ),
        (
            "[profile.x]\nextends = \"vpim2\"\nsummary = 1",
            "t.toml:3:11: invalid type: integer `1`, expected a boolean",
        ),
        (
            "[profile.x]\nextends = \"desktop\"\nlanguage = \"ed\"",
            "t.toml:3:12: no texts in the language `ed`; did you mean `de`? known are en, de, fr, es",
        ),
        (
            "[profile.x]\nextends = \"desktop\"\nsummary_lines = [\"{caller}\", \"\", \"Files: {losses}\"]",
            "t.toml:3:34: `{attachments}` and `{losses}` stand for whole lines; write them alone",
        ),
        (
            "[profile.x]\nextends = \"desktop\"\nsummary_lines = [\"{caler}\"]",
            "t.toml:3:18: `{caler}` stands for nothing; known are caller, name, number, called, date, day, time, stamp, seconds, length, span, pages, subject, importance, sender, when, sensitivity, attachments, losses",
        ),
        (
            "[profile.x]\nextends = \"outlook\"\nvoice_file = [\"v-{nummer}\"]",
            "t.toml:3:15: `{nummer}` stands for nothing; known are caller, name, number, called, date, day, time, stamp, seconds, length, span, pages, subject, importance",
        ),
        (
            "[profile.x]\nextends = \"outlook\"\n[profile.x.voice_headers]\nX-A = \"{filez}\"",
            "t.toml:4:7: `{filez}` stands for nothing; known are caller, name, number, called, date, day, time, stamp, seconds, length, span, pages, subject, importance, files",
        ),
        (
            "[profile.x]\nextends = \"outlook\"\n[profile.x.fax_headers]\nReceived = \"x\"",
            "t.toml:4:1: `Received` is not a profile's to write; trace, structure and signature fields stay as they are",
        ),
        (
            "[split]\nmethod = \"reinject\"",
            "t.toml:2:10: split.method `reinject` needs split.smtp; add smtp = \"127.0.0.1:10026\", an SMTP listener of the MTA that asks this milter too",
        ),
        (
            "[split]\nmethod = \"reinject\"\nsmtp = \"unix:/run/smtp\"",
            "t.toml:3:8: `unix:/run/smtp` is no SMTP server; write HOST:PORT, such as \"127.0.0.1:10026\"",
        ),
        (
            "[split]\nmethod = \"rienject\"",
            "t.toml:2:10: unknown split.method `rienject`; write `defer`, `reinject` or `first`",
        ),
        ("[split]\ntimeout_s = 0", "t.toml:2:13: split.timeout_s is 0; write 1 to 120 seconds"),
        (
            "[split]\njournal = \"split\"",
            "t.toml:2:11: `split` is no absolute path; write journal = \"/var/lib/vpim-milter/split\"",
        ),
        (
            "[daemon]\nsocket_mode = \"rw\"",
            "t.toml:2:15: `rw` is no access mode; write octal digits, such as \"0660\"",
        ),
        (
            "[results]\nauthserv_id = \"a b\"",
            "t.toml:2:15: `a b` is no authserv-id; write a domain name, such as mx.example.org",
        ),
        (
            "[daemon]\nmemory_bytes = 1",
            "t.toml:2:16: daemon.memory_bytes is less than limits.message_bytes; a message of that size would be refused for ever: raise one or lower the other",
        ),
    ] {
        assert_eq!(problems(text), [message], "{text}");
    }
}

#[test]
fn profiles_that_extend_in_a_circle_are_refused() {
    let found = problems("[profile.a]\nextends = \"b\"\n[profile.b]\nextends = \"a\"");
    assert_eq!(found.len(), 2);
    assert_eq!(
        found[0],
        "t.toml:4:11: profile `a` extends itself through `a`; end the chain at a built-in profile"
    );
}

#[test]
fn all_problems_are_told_at_once() {
    assert_eq!(
        problems("[limits]\nfax_pages = 0\n[split]\nmethod = \"x\"\n[daemon]\nmax_connections = 0").len(),
        3
    );
}

#[test]
fn a_profile_of_the_configuration_is_its_base_and_what_differs() {
    let config = good(
        "[profile.x]\nextends = \"y\"\nsummary = true\n[profile.y]\nextends = \"untouched\"\naudio = \"audio/wav\"\n[profile.desktop]\nextends = \"desktop\"\naudio = \"\"",
    );
    let x = &config.settings.profiles["x"];
    assert!(x.summary);
    assert_eq!(x.audio.as_deref(), Some("audio/wav"));
    assert_eq!(config.settings.profiles["desktop"].audio, None);
}

#[test]
fn files_are_merged_tables_by_key_and_routes_appended() {
    let a = "mode = \"shadow\"\n[limits]\nfax_pages = 5\nfax_rows = 6\n[[route]]\nname = \"a\"\nprofile = \"vpim2\"";
    let b =
        "[limits]\nfax_pages = 7\n[[route]]\nname = \"b\"\nprofile = \"desktop\"\nmatch.sender = [\"<>\"]";
    let config = load_text(&[("a.toml", a), ("b.toml", b)], profiles()).unwrap();
    assert_eq!(config.settings.mode, Mode::Shadow);
    assert_eq!((config.settings.limits.fax_pages, config.settings.limits.fax_rows), (7, 6));
    let names: Vec<&str> = config.settings.routes.iter().map(|r| r.name.as_str()).collect();
    assert_eq!(names, ["a", "b"]);
    let c = "[[route]]\nname = \"a\"\nprofile = \"desktop\"";
    let found = load_text(&[("a.toml", a), ("c.toml", c)], profiles()).unwrap_err();
    assert_eq!(
        found[0].to_string(),
        "c.toml:2:8: a second route called `a`; the log could not tell them apart: rename one"
    );
}

#[test]
fn conf_d_is_read_in_order_and_a_missing_file_is_named() {
    let dir = std::env::temp_dir().join(format!("vpim-milter-config-{}", std::process::id()));
    std::fs::create_dir_all(dir.join("conf.d")).unwrap();
    let main = dir.join("vpim-milter.toml");
    std::fs::write(&main, "mode = \"shadow\"").unwrap();
    std::fs::write(dir.join("conf.d/20.toml"), "mode = \"enforce\"").unwrap();
    std::fs::write(dir.join("conf.d/10.toml"), "mode = \"report\"").unwrap();
    std::fs::write(dir.join("conf.d/30.txt"), "not read").unwrap();
    assert_eq!(load(Some(&main), profiles()).unwrap().settings.mode, Mode::Enforce);
    std::fs::remove_dir_all(&dir).unwrap();
    let found = load(Some(&main), profiles()).unwrap_err();
    assert!(found[0].to_string().starts_with(&format!("{}: cannot be read", main.display())), "{}", found[0]);
}

#[test]
fn what_show_prints_is_a_configuration_with_the_same_effect() {
    let text = "mode = \"enforce\"\nlisten = [\"unix:/run/x.sock\"]\n[limits]\nfax_pages = 0x10\n[split]\nmethod = \"first\"\nsmtp = \"[::1]:10026\"\nhelo = \"mx.test\"\njournal = \"/j\"\n[profile.\"my vm\"]\nextends = \"vpim2\"\nsummary = true\ntarget.privacy = false\n[[route]]\nname = \"a\"\nprofile = \"my vm\"\non_must = \"reject\"\nsigned = \"leave\"\n[route.rules]\n\"vpim2-*\" = \"repair\"\n[route.match]\nrecipient = [\"*@a.test\"]\nheader = { Subject = \"a # b\" }";
    let config = good(text);
    let shown = show(&config).unwrap();
    assert!(shown.contains("fax_pages = 16  # t.toml:4:13"), "{shown}");
    assert!(shown.contains("fax_rows = 30000  # default"), "{shown}");
    assert!(shown.contains("[[route]]  # t.toml:"), "{shown}");
    assert_eq!(config.settings.routes[0].rules, [("vpim2-*".to_owned(), Action::Repair)]);
    let target = config.settings.profiles["my vm"].target.clone();
    assert_eq!(target.and_then(|t| t.privacy), Some(false));
    let again = good(&shown);
    assert_eq!(again.settings, config.settings);
    assert_eq!(again.daemon, config.daemon);
    assert_eq!((&again.reinject, config.reinject.is_some()), (&config.reinject, true));
    assert_eq!(again.settings.split, Split::First);
    let defaults = load(None, profiles()).unwrap();
    assert_eq!(good(&show(&defaults).unwrap()).settings, defaults.settings);
}

#[test]
fn every_value_of_a_profile_is_shown_with_its_origin() {
    let a = "[profile.x]\nextends = \"y\"\nsummary = true\n[profile.y]\nextends = \"vpim2\"\nvcard = \"outside\"\ntarget = { text = true }\n[profile.desktop]\nextends = \"desktop\"\nlanguage = \"de\"";
    let config =
        load_text(&[("a.toml", a), ("b.toml", "[profile.x]\nfax = \"\"")], profile::builtin()).unwrap();
    let shown = show(&config).unwrap();
    let section = |title: &str| {
        let (_, rest) =
            shown.split_once(&format!("\n{title}")).unwrap_or_else(|| panic!("{title} in {shown}"));
        let (section, _) = rest.split_once("\n\n").unwrap_or((rest, ""));
        section.to_owned()
    };
    for (title, lines) in [
        (
            "[profile.\"x\"]",
            &[
                "extends = \"y\"  # a.toml:2:11",
                "summary = true  # a.toml:3:11",
                "fax = \"\"  # b.toml:2:7",
                "# vcard = \"outside\"  # a.toml:6:9",
                "# target.text = true  # a.toml:7:19",
                "# structure = \"voice-message\"  # built-in profiles/vpim2.toml:",
                "# normalise = false  # default",
                "# language = \"en\"  # default",
            ][..],
        ),
        (
            "[profile.\"desktop\"]",
            &["language = \"de\"  # a.toml:10:12", "# summary = true  # built-in profiles/desktop.toml:"],
        ),
        (
            "# [profile.\"vpim2\"]",
            &[
                "# structure = \"voice-message\"  # built-in profiles/vpim2.toml:",
                "# normalise = false  # default",
            ],
        ),
    ] {
        for line in lines {
            assert!(section(title).contains(line), "{line} in {}", section(title));
        }
    }
    assert!(!section("[profile.\"x\"]").contains("# fax = "), "{shown}");
    let values: usize =
        config.settings.profiles.values().map(|p| toml::Table::try_from(p).unwrap().len()).sum();
    let with_origin =
        shown.lines().filter(|l| l.contains(" = ") && (l.contains("  # ") || l.contains("in effect")));
    assert!(with_origin.count() >= values, "{shown}");
    assert_eq!(load_text(&[("s", &shown)], profile::builtin()).unwrap().settings, config.settings);
}

#[test]
fn number_rules_are_written_in_one_line() {
    let text = "[[route]]\nname = \"a\"\nprofile = \"vpim2\"\nmatch.recipient = [\"*@avaya.test\"]\nnumbers = [{ match = \"44??\", prefix = \"604555\" }]";
    let config = good(text);
    let rules = &config.settings.routes[0].numbers;
    let new = |place| renumbered(rules, place, "4411@avaya.test");
    assert_eq!(new(Place::Recipient).as_deref(), Some("6045554411@avaya.test"));
    assert_eq!((new(Place::To), new(Place::From)), (new(Place::Recipient), None));
    let shown = show(&config).unwrap();
    assert!(shown.contains("numbers = [{ match = \"44??\", prefix = \"604555\" }]"), "{shown}");
    assert_eq!(good(&shown).settings, config.settings);
}

#[test]
fn the_packaged_sample_works_and_so_does_every_line_it_offers() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("packaging/vpim-milter.toml");
    let text = std::fs::read_to_string(path).unwrap();
    good(&text);
    // `#key = value` and `#[table]` offer a setting, `# text` explains.
    let offered = text.lines().map(|l| match l.strip_prefix('#') {
        Some(rest) if !rest.starts_with(' ') && !rest.is_empty() => rest,
        _ => l,
    });
    let all = good(&offered.collect::<Vec<_>>().join("\n"));
    assert!(all.settings.routes.len() > 2);
}

#[test]
fn a_short_key_file_is_refused() {
    let path = std::env::temp_dir().join(format!("vpim-milter-key-{}", std::process::id()));
    std::fs::write(&path, "short").unwrap();
    let text = format!("[results]\nkey_file = \"{}\"", path.display());
    assert!(problems(&text)[0].contains("has 5 octets; put 16 to 4096 random octets there"));
    std::fs::write(&path, [7; 16]).unwrap();
    assert_eq!(good(&text).settings.results.key, [7; 16]);
    std::fs::remove_file(&path).unwrap();
}

#[test]
fn the_packaged_examples_work_and_are_short() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("packaging/examples");
    let mut seen = 0;
    for file in std::fs::read_dir(folder).unwrap().flatten() {
        let text = std::fs::read_to_string(file.path()).unwrap();
        // A file that must be there.
        let here = concat!(env!("CARGO_MANIFEST_DIR"), "/deny.toml");
        let text = text.replace("/etc/vpim-milter/ldap-password", here);
        let name = file.file_name().into_string().unwrap();
        let config = good(&text);
        assert!(!config.settings.routes.is_empty(), "{name}");
        let settings = text.lines().filter(|l| !l.is_empty() && !l.starts_with('#')).count();
        assert!(settings <= 30, "{name} has {settings} lines of settings");
        // What is offered as a comment works too.
        let offered = text.lines().map(|l| l.strip_prefix('#').filter(|r| !r.starts_with(' ')).unwrap_or(l));
        good(&offered.collect::<Vec<_>>().join("\n"));
        seen += 1;
    }
    assert!(seen >= 4, "{seen}");
}

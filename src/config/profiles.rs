//! `config show`: profiles, each value with its origin: the place in the configuration, the place in the
//! file of the built-in profile, or `default`.

use super::Config;
use super::show::plain;
use super::source::Sources;
use crate::policy::profile::builtin_text;
use std::fmt::Write;
use toml::de::{DeTable, DeValue};
use toml::{Spanned, Value};

/// Profiles in one chain of `extends`; the check refuses longer ones.
const CHAIN: usize = 32;

/// Prints all profiles: those of the configuration as they are written, what they inherit and all
/// built-in ones as comments, so that the whole stays a configuration with the same effect.
pub(super) fn show(out: &mut String, config: &Config, written: &DeTable<'_>) {
    let own = written.get("profile").and_then(|p| p.get_ref().as_table());
    let profiles = Shown { sources: &config.sources, own };
    for (name, profile) in &config.settings.profiles {
        let values = toml::Table::try_from(profile).unwrap_or_default();
        profiles.one(out, name, &values);
    }
}

struct Shown<'a> {
    sources: &'a Sources,
    own: Option<&'a DeTable<'a>>,
}

impl Shown<'_> {
    fn one(&self, out: &mut String, name: &str, values: &toml::Table) {
        let own = self.own.and_then(|t| t.get_key_value(name));
        let title = format!("[profile.{}]", Value::String(name.to_owned()));
        let _ = match own {
            Some((key, _)) => writeln!(out, "\n{title}  # {}", self.place(key.span().start)),
            None => writeln!(out, "\n# {title}  # built-in"),
        };
        let mut written = Vec::new();
        if let Some(table) = own.and_then(|(_, v)| v.get_ref().as_table()) {
            leaves_written(&mut Vec::new(), table, &mut written);
            for (path, value) in &written {
                let place = self.place(value.span().start);
                let _ = writeln!(out, "{} = {}  # {place}", dotted(path), plain(value.get_ref()));
            }
        }
        let mut all = Vec::new();
        leaves(&mut Vec::new(), values, &mut all);
        for (path, value) in all.iter().filter(|(path, _)| !written.iter().any(|(p, _)| p == path)) {
            let _ = writeln!(out, "# {} = {value}  # {}", dotted(path), self.origin(name, path));
        }
    }

    /// Where a value that the profile does not write itself is from: up the chain of `extends`.
    fn origin(&self, name: &str, path: &[String]) -> String {
        let mut current = name.to_owned();
        let mut before: Option<String> = None;
        for _ in 0..CHAIN {
            // A profile may extend the built-in one of its own name.
            let layer = self.own.filter(|_| before.as_ref() != Some(&current));
            let Some(layer) =
                layer.and_then(|t| t.get(current.as_str())).and_then(|l| l.get_ref().as_table())
            else {
                break;
            };
            if let Some(value) = found(layer, path) {
                return self.place(value.span().start);
            }
            let base = layer.get("extends").and_then(|e| e.get_ref().as_str()).unwrap_or_default();
            before = Some(std::mem::replace(&mut current, base.to_owned()));
        }
        of_builtin(&current, path)
    }

    fn place(&self, offset: usize) -> String {
        self.sources.place(offset).map_or_else(|| "default".to_owned(), |p| p.to_string())
    }
}

/// The line of a value in the file of a built-in profile, or of the one it extends.
fn of_builtin(name: &str, path: &[String]) -> String {
    let mut name = name.to_owned();
    while let Some(text) = builtin_text(&name) {
        let table = DeTable::parse(text).map(Spanned::into_inner).unwrap_or_default();
        if let Some(value) = found(&table, path) {
            let before = text.get(..value.span().start).unwrap_or_default();
            return format!("built-in profiles/{name}.toml:{}", before.matches('\n').count() + 1);
        }
        let Some(base) = table.get("extends").and_then(|e| e.get_ref().as_str()) else {
            return "default".to_owned();
        };
        name = base.to_owned();
    }
    format!("built-in {name}")
}

fn found<'t, 'i>(table: &'t DeTable<'i>, path: &[String]) -> Option<&'t Spanned<DeValue<'i>>> {
    let (first, rest) = path.split_first()?;
    let value = table.get(first.as_str())?;
    if rest.is_empty() { Some(value) } else { found(value.get_ref().as_table()?, rest) }
}

/// Values that are no tables, with their paths. The depth is that of the text, which the reader bounds.
fn leaves_written<'t, 'i>(
    path: &mut Vec<String>,
    table: &'t DeTable<'i>,
    out: &mut Vec<(Vec<String>, &'t Spanned<DeValue<'i>>)>,
) {
    for (key, value) in table {
        path.push(key.get_ref().to_string());
        match value.get_ref().as_table() {
            Some(inner) if !inner.is_empty() => leaves_written(path, inner, out),
            _ => out.push((path.clone(), value)),
        }
        path.pop();
    }
}

fn leaves<'t>(path: &mut Vec<String>, table: &'t toml::Table, out: &mut Vec<(Vec<String>, &'t Value)>) {
    for (key, value) in table {
        path.push(key.clone());
        match value.as_table() {
            Some(inner) if !inner.is_empty() => leaves(path, inner, out),
            _ => out.push((path.clone(), value)),
        }
        path.pop();
    }
}

/// A path as TOML writes it.
fn dotted(path: &[String]) -> String {
    let bare =
        |k: &str| !k.is_empty() && k.bytes().all(|c| c.is_ascii_alphanumeric() || matches!(c, b'-' | b'_'));
    let keys = path.iter().map(|k| if bare(k) { k.clone() } else { Value::String(k.clone()).to_string() });
    keys.collect::<Vec<_>>().join(".")
}

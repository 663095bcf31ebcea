//! `config show`: the effective configuration as TOML, each value with its origin.

use super::Config;
use super::check::is_table;
use super::load::merged;
use super::profiles;
use super::raw::File;
use super::source::{Problem, Sources};
use std::fmt::Write;
use toml::Value;
use toml::de::{DeTable, DeValue};

/// The effective configuration. What it prints is a valid configuration with the same effect; where
/// it prints a value of the machine (host name, cores), a comment says so.
pub fn show(config: &Config) -> Result<String, Problem> {
    let table = merged(&config.sources)?;
    let defaults = toml::Table::try_from(File::default()).unwrap_or_default();
    let mut out = String::from("# Effective configuration of vpim-milter\n");
    let names: Vec<&str> = config.sources.names().collect();
    let read = if names.is_empty() { "no file: defaults".to_owned() } else { names.join(", ") };
    let _ = writeln!(out, "# Read: {read}");
    let printer = Printer { sources: &config.sources };
    printer.level(&mut out, "", &defaults, Some(&table));
    facts(&mut out, config);
    profiles::show(&mut out, config, &table);
    printer.routes(&mut out, config, &table);
    Ok(out)
}

struct Printer<'a> {
    sources: &'a Sources,
}

impl Printer<'_> {
    /// Values of one table, then its tables. The depth is that of the defaults: two.
    fn level(&self, out: &mut String, path: &str, defaults: &toml::Table, written: Option<&DeTable<'_>>) {
        let origin = |key: &str| {
            let value = written.and_then(|t| t.get(key));
            value.and_then(|v| self.sources.place(v.span().start)).map(|p| p.to_string())
        };
        for (key, default) in defaults.iter().filter(|(_, v)| !v.is_table()) {
            let value = written.and_then(|t| t.get(key.as_str())).map(|v| plain(v.get_ref()));
            let value = value.unwrap_or_else(|| default.clone());
            let _ = writeln!(out, "{key} = {value}  # {}", origin(key).unwrap_or("default".to_owned()));
        }
        for (key, default) in defaults.iter() {
            let Some(default) = default.as_table() else { continue };
            let _ = writeln!(out, "\n[{path}{key}]");
            let written = written.and_then(|t| t.get(key.as_str())).and_then(|v| v.get_ref().as_table());
            self.level(out, &format!("{key}."), default, written);
        }
    }

    fn routes(&self, out: &mut String, config: &Config, written: &DeTable<'_>) {
        let Some(routes) = written.get("route").and_then(|r| r.get_ref().as_array()) else {
            let name = config.settings.routes.first().map_or("default", |r| r.name.as_str());
            let _ = writeln!(out, "\n[[route]]  # default\nname = \"{name}\"\nprofile = \"untouched\"");
            return;
        };
        for route in routes {
            let place = self.sources.place(route.span().start);
            let place = place.map(|p| p.to_string()).unwrap_or_default();
            let _ = writeln!(out, "\n[[route]]  # {place}");
            self.entries(out, route.get_ref());
        }
    }

    fn entries(&self, out: &mut String, table: &DeValue<'_>) {
        let Some(table) = table.as_table() else { return };
        let (tables, values): (Vec<_>, Vec<_>) = table.iter().partition(|(_, v)| is_table(v));
        for (key, value) in values.into_iter().chain(tables) {
            let place =
                self.sources.place(value.span().start).map(|p| format!("  # {p}")).unwrap_or_default();
            let _ = writeln!(out, "{} = {}{place}", key.get_ref(), plain(value.get_ref()));
        }
    }
}

/// Values that depend on the machine.
fn facts(out: &mut String, config: &Config) {
    let _ = writeln!(out, "\n# results.authserv_id in effect: {}", config.settings.results.authserv_id);
    let _ = writeln!(out, "# daemon.workers in effect: {}", config.daemon.workers);
}

/// A value without its places. The depth is that of the text, which the TOML reader bounds.
pub(super) fn plain(value: &DeValue<'_>) -> Value {
    match value {
        DeValue::String(text) => Value::String(text.to_string()),
        DeValue::Integer(number) => {
            let digits = number.as_str().replace('_', "");
            Value::Integer(i64::from_str_radix(&digits, number.radix()).unwrap_or(i64::MAX))
        }
        DeValue::Float(number) => Value::Float(number.as_str().parse().unwrap_or(f64::NAN)),
        DeValue::Boolean(flag) => Value::Boolean(*flag),
        DeValue::Datetime(date) => Value::Datetime(*date),
        DeValue::Array(items) => Value::Array(items.iter().map(|v| plain(v.get_ref())).collect()),
        DeValue::Table(table) => {
            Value::Table(table.iter().map(|(k, v)| (k.get_ref().to_string(), plain(v.get_ref()))).collect())
        }
    }
}

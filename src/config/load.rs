//! Reading and merging; [`super::check`] makes settings of it.

use super::Config;
use super::check::{Check, Checked};
use super::raw::File;
use super::source::{Problem, Sources};
use crate::policy::Profiles;
use serde::Deserialize;
use std::fs;
use std::path::{Path, PathBuf};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// Octets of one configuration file.
const FILE_OCTETS: u64 = 1 << 20;
/// Files in `conf.d`.
const FILES: usize = 1_000;

/// Reads `file` and `conf.d/*.toml` beside it; `None` gives the defaults.
pub fn load(file: Option<&Path>, builtin: Profiles) -> Result<Config, Vec<Problem>> {
    let mut texts = Vec::new();
    if let Some(file) = file {
        for path in files(file).map_err(|p| vec![p])? {
            let text = read(&path).map_err(|p| vec![p])?;
            texts.push((path.display().to_string(), text));
        }
    }
    let texts: Vec<(&str, &str)> = texts.iter().map(|(n, t)| (n.as_str(), t.as_str())).collect();
    load_text(&texts, builtin)
}

/// The same for texts with their names.
pub fn load_text(texts: &[(&str, &str)], builtin: Profiles) -> Result<Config, Vec<Problem>> {
    let mut sources = Sources::default();
    for (name, text) in texts {
        sources.add(*name, text);
    }
    let table = merged(&sources).map_err(|p| vec![p])?;
    let file = typed(&table).map_err(|e| vec![sources.toml(&e)])?;
    let checked = Check::new(&sources, &table).config(file, builtin)?;
    let Checked { settings, reinject, directory, daemon, log } = checked;
    Ok(Config { settings, reinject, directory, daemon, log, sources })
}

/// All texts as one table.
pub(super) fn merged(sources: &Sources) -> Result<DeTable<'_>, Problem> {
    let mut whole = DeTable::new();
    for text in sources.padded() {
        let table = DeTable::parse(text).map_err(|e| sources.toml(&e))?.into_inner();
        // Each file must be good by itself: after merging, a later file could hide a mistake.
        typed(&table).map_err(|e| sources.toml(&e))?;
        merge(&mut whole, table);
    }
    Ok(whole)
}

fn typed(table: &DeTable<'_>) -> Result<File, toml::de::Error> {
    File::deserialize(toml::Deserializer::from(Spanned::new(0..0, table.clone())))
}

/// Puts `top` over `base`: tables key by key, routes one after the other, the rest replaced. The
/// depth is that of the text, which the TOML reader bounds.
pub(super) fn merge<'i>(base: &mut DeTable<'i>, top: DeTable<'i>) {
    for (key, value) in top {
        let merged = match (base.remove(&key), value) {
            (Some(old), new) => over(key.get_ref(), old, new),
            (None, new) => new,
        };
        base.insert(key, merged);
    }
}

fn over<'i>(key: &str, old: Spanned<DeValue<'i>>, new: Spanned<DeValue<'i>>) -> Spanned<DeValue<'i>> {
    let span = new.span();
    match (old.into_inner(), new.into_inner()) {
        (DeValue::Table(mut old), DeValue::Table(new)) => {
            merge(&mut old, new);
            Spanned::new(span, DeValue::Table(old))
        }
        (DeValue::Array(mut old), DeValue::Array(new)) if key == "route" => {
            new.into_iter().for_each(|route| old.push(route));
            Spanned::new(span, DeValue::Array(old))
        }
        (_, new) => Spanned::new(span, new),
    }
}

/// `file` and the files of `conf.d` in the order of their names.
fn files(file: &Path) -> Result<Vec<PathBuf>, Problem> {
    let beside = file.parent().unwrap_or(Path::new("")).join("conf.d");
    let mut more = Vec::new();
    match fs::read_dir(&beside) {
        Ok(entries) => {
            for entry in entries {
                let path = entry.map_err(|e| problem(&beside, &e))?.path();
                if path.extension().is_some_and(|e| e == "toml") {
                    more.push(path);
                }
            }
        }
        Err(error) if matches!(error.kind(), std::io::ErrorKind::NotFound) => {}
        Err(error) => return Err(problem(&beside, &error)),
    }
    if more.len() > FILES {
        return Err(refused(&beside, format!("more than {FILES} files"), "put several routes into one file"));
    }
    more.sort();
    more.insert(0, file.to_owned());
    Ok(more)
}

fn read(path: &Path) -> Result<String, Problem> {
    let octets = fs::metadata(path).map_err(|e| problem(path, &e))?.len();
    if octets > FILE_OCTETS {
        return Err(refused(path, format!("more than {FILE_OCTETS} octets"), "is it a configuration file?"));
    }
    let bytes = fs::read(path).map_err(|e| problem(path, &e))?;
    String::from_utf8(bytes).map_err(|_| refused(path, "not UTF-8 text".to_owned(), "save the file as UTF-8"))
}

pub(super) fn problem(path: &Path, error: &std::io::Error) -> Problem {
    let remedy = match error.kind() {
        std::io::ErrorKind::NotFound => "check the path, or start without --config for the defaults",
        std::io::ErrorKind::PermissionDenied => "the user of the daemon must be able to read it",
        _ => "check the path",
    };
    refused(path, format!("cannot be read: {error}"), remedy)
}

fn refused(path: &Path, what: String, remedy: &str) -> Problem {
    Problem { place: None, file: Some(path.to_owned()), what, remedy: remedy.to_owned() }
}

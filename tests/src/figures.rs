//! Figures of a benchmark: printed as they come, and as JSON in the file that an environment variable names.

use std::{collections::BTreeMap, path::PathBuf};

use serde_json::{Map, Value, json};

/// What a figure should be.
#[derive(Debug, Clone, Copy)]
pub enum Goal {
    /// Not below.
    AtLeast(f64),
    /// Not above.
    AtMost(f64),
}

/// The figures of one run, by section. Units are in the keys.
#[derive(Debug, Default)]
pub struct Report(Map<String, Value>);

impl Report {
    fn section(&mut self, name: &str) -> &mut Map<String, Value> {
        let section = self.0.entry(name).or_insert_with(|| json!({}));
        section.as_object_mut().expect("sections are objects")
    }

    fn put(&mut self, section: &str, key: &str, value: Value) {
        self.section(section).insert(key.into(), value);
    }

    /// Adds a figure and prints it.
    pub fn add(&mut self, section: &str, key: &str, value: f64) {
        println!("{section:<10} {key:<48} {value:>12.3}");
        self.put(section, key, json!(round(value)));
    }

    /// Adds a figure that has a goal.
    pub fn goal(&mut self, section: &str, key: &str, value: f64, goal: Goal) {
        let (reached, text) = match goal {
            Goal::AtLeast(least) => (value >= least, format!("goal >= {least}")),
            Goal::AtMost(most) => (value <= most, format!("goal <= {most}")),
        };
        let word = if reached { "reached" } else { "MISSED" };
        println!("{section:<10} {key:<48} {value:>12.3}  {text}: {word}");
        self.put(section, key, json!(round(value)));
        self.put(
            section,
            &format!("{key}_goal"),
            json!({ "text": text, "reached": reached }),
        );
    }

    /// Adds figures by name; prints those that are not nothing.
    pub fn each(&mut self, section: &str, key: &str, figures: &BTreeMap<String, f64>) {
        for (name, value) in figures.iter().filter(|(_, value)| **value > 0.0) {
            println!(
                "{section:<10}   {:<46} {value:>12.3}",
                format!("{key}: {name}")
            );
        }
        let figures: BTreeMap<&String, f64> = figures.iter().map(|(k, v)| (k, round(*v))).collect();
        self.put(section, key, json!(figures));
    }

    /// Notes in words.
    pub fn note(&mut self, section: &str, key: &str, text: &str) {
        println!("{section:<10} {key:<48} {text}");
        self.put(section, key, json!(text));
    }

    /// Writes the file that the environment variable names, if any.
    pub fn write(&self, variable: &str) {
        let Some(path) = std::env::var_os(variable).map(PathBuf::from) else {
            return;
        };
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).expect("the report's folder");
        }
        let text = serde_json::to_string_pretty(&self.0).expect("figures are JSON");
        std::fs::write(&path, text + "\n").expect("the report is written");
        println!("{}", path.display());
    }
}

fn round(value: f64) -> f64 {
    (value * 1_000.0).round() / 1_000.0
}

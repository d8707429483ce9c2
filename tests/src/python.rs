//! Foreign clients in Python, unchanged: a script of a few lines says what to do with them and prints JSON.

use std::process::Stdio;

use serde_json::Value;

/// Runs `script` with arguments; its last printed line is JSON. Panics with what it wrote when it fails.
pub async fn run(script: &str, arguments: &[&str]) -> Value {
    let ran = tokio::process::Command::new(crate::python())
        .arg("-c")
        .arg(script)
        .args(arguments)
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output();
    let output = tokio::time::timeout(std::time::Duration::from_secs(120), ran)
        .await
        .expect("the script ends")
        .expect("Python starts");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success(),
        "{said}\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let last = said.lines().last().unwrap_or_default();
    serde_json::from_str(last).unwrap_or_else(|e| panic!("{e}: {last}"))
}

//! Style sheets, scripts and the type face: in the binary, served from here and from nowhere else.

use std::sync::LazyLock;

use sha2::{Digest as _, Sha256};

macro_rules! files {
    ($($name:literal => $kind:literal),* $(,)?) => {
        /// Name, media type, content.
        pub const FILES: &[(&str, &str, &[u8])] =
            &[$(($name, $kind, include_bytes!(concat!("../assets/", $name)))),*];
    };
}

files! {
    "tokens.css" => "text/css; charset=utf-8",
    "portal.css" => "text/css; charset=utf-8",
    "staff.css" => "text/css; charset=utf-8",
    "wall.css" => "text/css; charset=utf-8",
    "form.js" => "text/javascript; charset=utf-8",
    "live.js" => "text/javascript; charset=utf-8",
    "keys.js" => "text/javascript; charset=utf-8",
    "shrink.js" => "text/javascript; charset=utf-8",
    "wall.js" => "text/javascript; charset=utf-8",
    "icon.svg" => "image/svg+xml",
    "noto-sans.woff2" => "font/woff2",
}

static VERSION: LazyLock<String> = LazyLock::new(|| {
    let mut hash = Sha256::new();
    for (_, _, content) in FILES {
        hash.update(content);
    }
    hex::encode(&hash.finalize()[..6])
});

/// Changes whenever any file does; style sheets name the type face beside them, so one version holds for all.
pub fn version() -> &'static str {
    &VERSION
}

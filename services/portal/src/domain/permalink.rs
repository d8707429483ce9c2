//! A pasted link becomes the platform and the id under which the same post will be seen again: by the next operator
//! who pastes it, and by a channel that reads the platform itself. Then the two meet at one ticket number.

mod platforms;

use std::collections::BTreeMap;

use url::Url;

/// Longest link that is read, in bytes.
pub const MAX_LINK: usize = 2_048;

/// What a link points at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Permalink {
    /// `facebook`, `instagram`, `x`, `tiktok`, `youtube`, or `link` for any other site.
    pub platform: &'static str,
    /// The platform's own id, with its kind before it: `comment/…`, `post/…`. See [`platforms`].
    pub id: String,
    /// The link without what only tracks its reader.
    pub url: String,
    /// False when the link hides the platform's id (a short or a share link): the same post may
    /// then be known under another id as well.
    pub exact: bool,
}

/// The text is no link to a page on the web.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a link: expected an address that begins with https://")]
pub struct NotALink;

/// Reads a pasted link.
///
/// # Errors
/// [`NotALink`] when it is empty, longer than [`MAX_LINK`], or no http(s) address with a public-looking host.
pub fn normalise(link: &str) -> Result<Permalink, NotALink> {
    let link = link.trim();
    if link.is_empty() || link.len() > MAX_LINK {
        return Err(NotALink);
    }
    let url = match Url::parse(link) {
        Ok(url) => url,
        // People copy "facebook.com/…" out of the address bar.
        Err(_) => Url::parse(&format!("https://{link}")).map_err(|_| NotALink)?,
    };
    read(&url, 0)
}

fn read(url: &Url, depth: u8) -> Result<Permalink, NotALink> {
    if !matches!(url.scheme(), "http" | "https") {
        return Err(NotALink);
    }
    let host = url.domain().filter(|h| h.contains('.')).ok_or(NotALink)?;
    let link = Link::new(host, url);
    if let Some(inner) = link.wrapped() {
        // One wrapping is what platforms do; more is a riddle that is not worth solving.
        if depth > 0 {
            return Err(NotALink);
        }
        return read(&Url::parse(inner).map_err(|_| NotALink)?, depth + 1);
    }
    Ok(platforms::read(&link).unwrap_or_else(|| other(&link)))
}

/// A link in the parts that decide.
struct Link {
    host: String,
    path: Vec<String>,
    query: BTreeMap<String, String>,
}

/// First labels of a host that name the same site for another device or language.
const SAME_SITE: [&str; 8] = [
    "www", "m", "mobile", "web", "mbasic", "touch", "id-id", "music",
];

/// Parameters that say who shared or clicked, never what is shown.
fn tracks(name: &str) -> bool {
    const NAMES: [&str; 10] = [
        "fbclid", "gclid", "igsh", "igshid", "mibextid", "rdid", "ref", "ref_src", "ref_url", "si",
    ];
    name.starts_with("utm_") || name.starts_with("__") || NAMES.contains(&name)
}

impl Link {
    fn new(host: &str, url: &Url) -> Self {
        let host = host.trim_end_matches('.').to_ascii_lowercase();
        let host = match host.split_once('.') {
            Some((first, rest)) if rest.contains('.') && SAME_SITE.contains(&first) => {
                rest.to_owned()
            }
            _ => host,
        };
        Self {
            host,
            path: url
                .path_segments()
                .into_iter()
                .flatten()
                .filter(|s| !s.is_empty())
                .map(str::to_owned)
                .collect(),
            query: url.query_pairs().into_owned().collect(),
        }
    }

    /// The link inside a platform's "you are leaving us" address.
    fn wrapped(&self) -> Option<&str> {
        matches!(
            self.host.as_str(),
            "l.facebook.com" | "lm.facebook.com" | "l.instagram.com"
        )
        .then(|| self.query.get("u"))
        .flatten()
        .map(String::as_str)
    }

    fn segments(&self) -> Vec<&str> {
        self.path.iter().map(String::as_str).collect()
    }

    fn parameter(&self, name: &str) -> Option<&str> {
        self.query
            .get(name)
            .map(String::as_str)
            .filter(|v| !v.is_empty())
    }

    /// The address with only these parameters.
    fn clean(&self, keep: impl Fn(&str) -> bool) -> String {
        let mut out = format!("https://{}/{}", self.host, self.path.join("/"));
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        let mut any = false;
        for (name, value) in self.query.iter().filter(|(n, _)| keep(n)) {
            query.append_pair(name, value);
            any = true;
        }
        if any {
            out.push('?');
            out.push_str(&query.finish());
        }
        out
    }
}

fn other(link: &Link) -> Permalink {
    let url = link.clean(|name| !tracks(name));
    let id = url
        .trim_start_matches("https://")
        .chars()
        .take(200)
        .collect();
    Permalink {
        platform: "link",
        id,
        url,
        exact: true,
    }
}

#[cfg(test)]
mod tests;

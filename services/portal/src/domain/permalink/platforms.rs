//! How each platform writes the address of a post and of a comment.
//!
//! | platform | ids |
//! |---|---|
//! | facebook | `comment/<comment id>`, `post/<post id>`, `share/<token>` |
//! | instagram | `comment/<comment id>`, `post/<shortcode>` (reels and posts share their codes) |
//! | x | `post/<status id>` (a reply is a post of its own) |
//! | tiktok | `comment/<comment id>`, `post/<video id>`, `share/<token>` |
//! | youtube | `comment/<comment id>`, `post/<video id>` |

use base64::{Engine as _, engine::general_purpose::STANDARD};

use super::{Link, Permalink};

/// Reads a link of one of the known platforms; `None` for any other site, or a page of the platform that is no post.
pub(super) fn read(link: &Link) -> Option<Permalink> {
    match link.host.as_str() {
        "facebook.com" | "fb.com" => facebook(link),
        "fb.watch" => short(link, "facebook"),
        "instagram.com" => instagram(link),
        "x.com" | "twitter.com" => x(link),
        "tiktok.com" => tiktok(link),
        "vt.tiktok.com" | "vm.tiktok.com" => short(link, "tiktok"),
        "youtube.com" | "youtu.be" => youtube(link),
        _ => None,
    }
}

fn found(platform: &'static str, kind: &str, id: &str, url: String) -> Option<Permalink> {
    let fits = (1..=128).contains(&id.len())
        && id
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "_-.".contains(c));
    fits.then(|| Permalink {
        platform,
        id: format!("{kind}/{id}"),
        url,
        exact: kind != "share",
    })
}

fn digits(id: &str) -> bool {
    !id.is_empty() && id.bytes().all(|b| b.is_ascii_digit())
}

fn short(link: &Link, platform: &'static str) -> Option<Permalink> {
    found(
        platform,
        "share",
        link.segments().first()?,
        link.clean(|_| false),
    )
}

fn facebook(link: &Link) -> Option<Permalink> {
    const KEEP: [&str; 6] = [
        "comment_id",
        "reply_comment_id",
        "story_fbid",
        "id",
        "fbid",
        "v",
    ];
    let url = link.clean(|name| KEEP.contains(&name));
    let comment = link
        .parameter("reply_comment_id")
        .or_else(|| link.parameter("comment_id"));
    if let Some(id) = comment.and_then(facebook_comment) {
        return found("facebook", "comment", &id, url);
    }
    let segments = link.segments();
    match segments.as_slice() {
        ["share", "p" | "v" | "r", token, ..] | ["share", token, ..] => {
            found("facebook", "share", token, url)
        }
        ["groups", _, "posts" | "permalink", id, ..] => found("facebook", "post", id, url),
        // "<page>/posts/<words>/<id>" and "<page>/posts/<id>"
        [_, "posts", .., id] => facebook_post(id, url),
        [_, "videos", .., id] => facebook_post(id, url),
        ["reel", id, ..] => facebook_post(id, url),
        [_, "photos", .., id] => facebook_post(id, url),
        ["permalink.php" | "story.php", ..] => facebook_post(link.parameter("story_fbid")?, url),
        ["photo", ..] | ["photo.php", ..] => facebook_post(link.parameter("fbid")?, url),
        ["watch", ..] | ["video.php", ..] => facebook_post(link.parameter("v")?, url),
        _ => None,
    }
}

/// An opaque `pfbid…` names the post as well, but differs for each reader.
fn facebook_post(id: &str, url: String) -> Option<Permalink> {
    found(
        "facebook",
        if digits(id) { "post" } else { "share" },
        id,
        url,
    )
}

/// A comment's id stands plain, as `<post>_<comment>`, or in base 64 as `comment:<post>_<comment>`; the part after
/// the last underscore is the comment's own.
fn facebook_comment(id: &str) -> Option<String> {
    let decoded = if id.chars().all(|c| c.is_ascii_digit() || c == '_') {
        id.to_owned()
    } else {
        let bytes = STANDARD.decode(id).ok()?;
        String::from_utf8(bytes)
            .ok()?
            .strip_prefix("comment:")?
            .to_owned()
    };
    decoded
        .rsplit('_')
        .next()
        .filter(|id| digits(id))
        .map(str::to_owned)
}

fn instagram(link: &Link) -> Option<Permalink> {
    let url = link.clean(|_| false);
    let segments = link.segments();
    if let [_, _, "c", comment, rest @ ..] | [_, _, _, "c", comment, rest @ ..] =
        segments.as_slice()
    {
        let id = if let ["r", reply, ..] = rest {
            reply
        } else {
            comment
        };
        return found("instagram", "comment", id, url);
    }
    match segments.as_slice() {
        ["p" | "reel" | "reels" | "tv", code, ..] | [_, "p" | "reel" | "tv", code, ..] => {
            found("instagram", "post", code, url)
        }
        ["stories", _, id, ..] => found("instagram", "post", id, url),
        ["share", .., token] => found("instagram", "share", token, url),
        _ => None,
    }
}

fn x(link: &Link) -> Option<Permalink> {
    let segments = link.segments();
    let at = segments
        .iter()
        .position(|s| matches!(*s, "status" | "statuses"))?;
    let id = segments.get(at + 1).filter(|id| digits(id))?;
    found("x", "post", id, format!("https://x.com/i/status/{id}"))
}

fn tiktok(link: &Link) -> Option<Permalink> {
    let url = link.clean(|name| matches!(name, "comment_id" | "share_comment_id"));
    if let Some(id) = link
        .parameter("share_comment_id")
        .or_else(|| link.parameter("comment_id"))
        && digits(id)
    {
        return found("tiktok", "comment", id, url);
    }
    match link.segments().as_slice() {
        [user, "video" | "photo", id, ..] if user.starts_with('@') && digits(id) => {
            found("tiktok", "post", id, url)
        }
        ["v", id, ..] => found("tiktok", "post", id.trim_end_matches(".html"), url),
        ["t", token, ..] => found("tiktok", "share", token, url),
        _ => None,
    }
}

fn youtube(link: &Link) -> Option<Permalink> {
    let url = link.clean(|name| matches!(name, "v" | "lc"));
    if let Some(id) = link.parameter("lc") {
        return found("youtube", "comment", id, url);
    }
    if link.host == "youtu.be" {
        return found("youtube", "post", link.segments().first()?, url);
    }
    match link.segments().as_slice() {
        ["watch", ..] => found("youtube", "post", link.parameter("v")?, url),
        ["shorts" | "live" | "embed" | "post", id, ..] => found("youtube", "post", id, url),
        _ => None,
    }
}

//! Parts of messages: downloads that no browser runs as its own, and thumbnails.

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use sha2::{Digest, Sha256};
use tokio::sync::Semaphore;

use super::Context;
use super::problem::Problem;
use crate::media::{self, ThumbError};
use crate::model::{MessageId, Part};

/// Longest side of a thumbnail, pixels: twice what the page shows, for dense screens.
const THUMBNAIL_SIDE: u32 = 320;
/// Pictures that are scaled down at the same time; each may take tens of megabytes.
static SCALERS: Semaphore = Semaphore::const_new(2);

/// Types that a browser may show in place; everything else is saved to a file, since a received
/// page or drawing could hold scripts.
const SHOWN_IN_PLACE: &[&str] =
    &["image/jpeg", "image/png", "image/gif", "image/webp", "image/bmp"];

/// The octets of one part.
pub(super) async fn download(
    State(context): State<Context>,
    Path((id, index)): Path<(String, String)>,
    request_headers: HeaderMap,
) -> Result<Response, Problem> {
    let (part, tag) = find(&context, &id, &index).await?;
    note_opened(&context, &id).await;
    if unchanged(&request_headers, &tag) {
        return Ok(not_modified(&tag));
    }
    let in_place = SHOWN_IN_PLACE.contains(&part.media_type.as_str());
    let content_type = content_type(&part);
    let name = part.name.clone().unwrap_or_else(|| format!("part-{index}"));
    let mut response = Response::new(Body::from(part.body));
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_str(&content_type)
            .unwrap_or(HeaderValue::from_static("application/octet-stream")),
    );
    if let Ok(value) = HeaderValue::from_str(&disposition(in_place, &name)) {
        headers.insert(header::CONTENT_DISPOSITION, value);
    }
    headers.insert(
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static("default-src 'none'; sandbox; frame-ancestors 'none'"),
    );
    cache(headers, &tag);
    Ok(response)
}

/// A small picture of one part.
pub(super) async fn thumbnail(
    State(context): State<Context>,
    Path((id, index)): Path<(String, String)>,
    request_headers: HeaderMap,
) -> Result<Response, Problem> {
    let (part, tag) = find(&context, &id, &index).await?;
    if unchanged(&request_headers, &tag) {
        return Ok(not_modified(&tag));
    }
    let no_thumbnail = || {
        Problem::new(
            StatusCode::NOT_FOUND,
            "no-thumbnail",
            "there is no small picture of this part",
            format!("part {index} of {id} is no picture that can be scaled down"),
        )
    };
    if part.media_type.top() != "image" {
        return Err(no_thumbnail());
    }
    let _slot = SCALERS.acquire().await.map_err(|_| no_thumbnail())?;
    let scaled =
        tokio::task::spawn_blocking(move || media::thumbnail(&part.body, THUMBNAIL_SIDE)).await;
    let octets = match scaled {
        Ok(Ok(octets)) => octets,
        Ok(Err(error @ (ThumbError::TooLarge { .. } | ThumbError::TooMuch { .. }))) => {
            return Err(Problem::new(
                StatusCode::NOT_FOUND,
                "picture-too-large",
                "there is no small picture of this part",
                error.to_string(),
            )
            .hint("the part itself can be downloaded"));
        }
        _ => return Err(no_thumbnail()),
    };
    let mut response = Response::new(Body::from(octets));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("image/jpeg"));
    cache(headers, &tag);
    Ok(response)
}

/// Whoever takes a part has seen its message; a disk without room is no reason to keep it from them.
pub(super) async fn note_opened(context: &Context, id: &str) {
    let Ok(id) = id.parse::<MessageId>() else { return };
    if let Err(error) = context.gateway.store().opened(&id, context.gateway.now()).await {
        tracing::debug!(%error, "that a message was opened is not on record");
    }
}

async fn find(context: &Context, id: &str, index: &str) -> Result<(Part, String), Problem> {
    let message: MessageId = id.parse().map_err(|_| Problem::no_message(id))?;
    let no_part = || {
        let index: String = index.chars().take(20).collect();
        Problem::new(
            StatusCode::NOT_FOUND,
            "part-not-found",
            "there is no such part",
            format!("message {message} has no part '{index}'"),
        )
    };
    let number: usize = index.parse().map_err(|_| no_part())?;
    let Some(part) = context.gateway.part(&message, number).await? else {
        return Err(removed(context, &message, number).await?.unwrap_or_else(no_part));
    };
    // What could not be read and was fetched again changes under its id and number.
    let tag = format!("\"{}\"", hex::encode(Sha256::digest(&part.body)));
    Ok((part, tag))
}

/// What is said of a part whose octets were removed.
async fn removed(
    context: &Context,
    id: &MessageId,
    index: usize,
) -> Result<Option<Problem>, Problem> {
    let message = context.gateway.message(id).await?.map(|view| view.summary);
    let there = message.filter(|it| it.parts.iter().any(|part| part.index == index));
    Ok(there.and_then(|it| it.parts_removed_at).map(|at| {
        Problem::new(
            StatusCode::GONE,
            "part-removed",
            "this part was removed",
            format!("the octets of part {index} of {id} were removed at {at}"),
        )
        .hint(
            "parts are kept for media_days and within max_size_mb under [retention] in the \
             configuration; a backup from before that time may hold it",
        )
    }))
}

fn unchanged(headers: &HeaderMap, tag: &str) -> bool {
    headers
        .get(header::IF_NONE_MATCH)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|tags| tags.split(',').any(|one| one.trim() == tag))
}

fn not_modified(tag: &str) -> Response {
    let mut response = StatusCode::NOT_MODIFIED.into_response();
    cache(response.headers_mut(), tag);
    response
}

fn cache(headers: &mut HeaderMap, tag: &str) {
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
    if let Ok(tag) = HeaderValue::from_str(tag) {
        headers.insert(header::ETAG, tag);
    }
}

/// The media type with its charset, so that a browser shows text as it was meant.
fn content_type(part: &Part) -> String {
    // RFC 2978 clause 2.3: what a name may hold.
    let plain = |octet: u8| octet.is_ascii_alphanumeric() || b"-_.:+".contains(&octet);
    match part.charset.as_deref().filter(|name| !name.is_empty() && name.bytes().all(plain)) {
        // A colon is for quoted strings only (RFC 9110 clause 5.6.2).
        Some(charset) => format!("{}; charset=\"{charset}\"", part.media_type),
        None => part.media_type.to_string(),
    }
}

/// RFC 6266, with an ASCII name for old programs and the real one in RFC 8187 form.
fn disposition(in_place: bool, name: &str) -> String {
    let kind = if in_place { "inline" } else { "attachment" };
    let name: String = name
        .rsplit(['/', '\\'])
        .find(|piece| !piece.trim().is_empty())
        .unwrap_or("part")
        .chars()
        .filter(|character| !character.is_control())
        .take(120)
        .collect();
    let ascii: String = name
        .chars()
        .map(|character| match character {
            '"' | '\\' | '%' => '_',
            plain if plain.is_ascii() => plain,
            _ => '_',
        })
        .collect();
    let mut out = format!("{kind}; filename=\"{ascii}\"");
    if ascii != name {
        out.push_str("; filename*=UTF-8''");
        for octet in name.bytes() {
            if octet.is_ascii_alphanumeric() || b"-._~".contains(&octet) {
                out.push(char::from(octet));
            } else {
                out.push_str(&format!("%{octet:02X}"));
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_told_with_its_charset() {
        let part = |charset: &str| Part {
            media_type: crate::model::MediaType::new("text/plain"),
            charset: Some(charset.to_owned()),
            name: None,
            content_id: None,
            content_location: None,
            body: bytes::Bytes::new(),
        };
        assert_eq!(content_type(&part("Shift_JIS")), "text/plain; charset=\"Shift_JIS\"");
        assert_eq!(content_type(&part("utf-8\"\r\nX: y")), "text/plain");
    }

    #[test]
    fn name_of_a_folder_is_still_a_name() {
        assert_eq!(disposition(false, "/var/tmp/7/"), "attachment; filename=\"7\"");
        assert_eq!(disposition(false, "//"), "attachment; filename=\"part\"");
    }

    #[test]
    fn received_name_cannot_break_out_of_the_header() {
        assert_eq!(
            disposition(false, "a\"; x=\r\n../../b.html"),
            "attachment; filename=\"b.html\""
        );
        assert_eq!(
            disposition(false, "a\"b"),
            "attachment; filename=\"a_b\"; filename*=UTF-8''a%22b"
        );
        assert_eq!(
            disposition(true, "Grüße.jpg"),
            "inline; filename=\"Gr__e.jpg\"; filename*=UTF-8''Gr%C3%BC%C3%9Fe.jpg"
        );
    }
}

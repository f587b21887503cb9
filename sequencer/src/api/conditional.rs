//! Tags of decided data, so that a reader who has it need not load it again.
//!
//! Decided data never changes, so the tag names what was asked for and not the bytes. It is weak: another node's answer
//! may lack a certificate, or be compressed.

use axum::{
    extract::Request,
    http::{HeaderValue, StatusCode, header},
    middleware::Next,
    response::{IntoResponse as _, Response},
};
use hotshot_types::digest;

/// What is said about answers that stay the same for ever.
pub(super) const IMMUTABLE: &str = "public, max-age=31536000, immutable";

/// Gives decided data its tag, and answers 304 to whoever has it.
pub(super) async fn conditional(request: Request, next: Next) -> Response {
    let target = request.uri().path_and_query().cloned();
    let known = request.headers().get(header::IF_NONE_MATCH).cloned();
    let mut response = next.run(request).await;
    let is_decided = response.status() == StatusCode::OK
        && response.headers().get(header::CACHE_CONTROL)
            == Some(&HeaderValue::from_static(IMMUTABLE));
    let Some(target) = target.filter(|_| is_decided) else {
        return response;
    };
    let form = response.headers().get(header::CONTENT_TYPE);
    let parts: [&[u8]; 3] = [
        env!("CARGO_PKG_VERSION").as_bytes(),
        // The same address may be asked for in two forms.
        form.map_or(&[], HeaderValue::as_bytes),
        target.as_str().as_bytes(),
    ];
    let name = digest::keccak_concat(&parts).to_string();
    let Ok(tag) = HeaderValue::try_from(format!("W/\"{}\"", &name[2..34])) else {
        return response;
    };
    if known.is_some_and(|known| is_among(&tag, &known)) {
        let mut unchanged = StatusCode::NOT_MODIFIED.into_response();
        for name in [header::CACHE_CONTROL, header::VARY] {
            if let Some(value) = response.headers().get(&name) {
                unchanged.headers_mut().insert(name, value.clone());
            }
        }
        unchanged.headers_mut().insert(header::ETAG, tag);
        return unchanged;
    }
    response.headers_mut().insert(header::ETAG, tag);
    response
}

/// Whether a list of tags has this one; weakness does not matter (RFC 9110, 13.1.2).
fn is_among(tag: &HeaderValue, list: &HeaderValue) -> bool {
    let plain = |tag: &str| tag.trim().trim_start_matches("W/").to_owned();
    let (Ok(tag), Ok(list)) = (tag.to_str(), list.to_str()) else {
        return false;
    };
    list.trim() == "*" || list.split(',').any(|one| plain(one) == plain(tag))
}

//! The page that shows the OpenAPI document to people. It is one file in the binary and loads nothing from elsewhere.

use axum::{
    http::header,
    response::{IntoResponse as _, Response},
};

const PAGE: &str = include_str!("docs.html");
/// Nothing but the page's own style and script, and the node itself.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

pub(super) async fn serve() -> Response {
    let head = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CACHE_CONTROL, "no-cache"),
        (header::CONTENT_SECURITY_POLICY, POLICY),
    ];
    (head, PAGE).into_response()
}

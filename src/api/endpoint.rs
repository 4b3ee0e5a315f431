//! One table of everything that is served. The routes, the scope that each asks for and the OpenAPI
//! document are made of it, so that none of the three can say something else than the others.
//!
//! A file with resources has `endpoints()`, which `all` joins, and where its answers have shapes of
//! their own `schemas()`, which `openapi` joins.

use axum::Router;
use axum::handler::Handler;
use axum::http::Method;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::{MethodFilter, MethodRouter, on};
use serde_json::{Map, Value, json};

use super::auth::{self, Scope};
use super::rest::methods;
use super::{
    Context, access, alarms, arrivals, events, facade, health, page, rest, routes, sending, sight,
    webhooks,
};
use crate::gateway::Gateway;

/// Everything that is served.
pub(super) fn all() -> Vec<Endpoint> {
    let rooms = [
        rest::endpoints(),
        events::endpoints(),
        facade::endpoints(),
        access::endpoints(),
        alarms::endpoints(),
        sending::endpoints(),
        routes::endpoints(),
        arrivals::endpoints(),
        webhooks::endpoints(),
        health::endpoints(),
        page::endpoints(),
    ];
    rooms.into_iter().flatten().collect()
}

/// The maker of one method of [`Endpoint`] for those who have the scope.
macro_rules! guarded {
    ($name:ident, $method:ident) => {
        #[doc = concat!("`", stringify!($method), "` for those who have the scope.")]
        pub(super) fn $name<H, T>(path: &'static str, scope: Scope, handler: H) -> Self
        where
            H: Handler<T, Context>,
            T: 'static,
        {
            Self::new(Method::$method, path, scope, handler)
        }
    };
}

/// One method of one path.
pub(super) struct Endpoint {
    method: Method,
    path: &'static str,
    scope: Option<Scope>,
    handler: MethodRouter<Context>,
    operation: Option<Map<String, Value>>,
}

impl Endpoint {
    /// A method of a path, for those who have the scope.
    pub(super) fn new<H, T>(method: Method, path: &'static str, scope: Scope, handler: H) -> Self
    where
        H: Handler<T, Context>,
        T: 'static,
    {
        let handler = on(filter(&method), handler)
            .route_layer(from_fn(move |request, next| auth::require(scope, request, next)));
        Self { method, path, scope: Some(scope), handler, operation: None }
    }

    guarded!(get, GET);
    guarded!(post, POST);
    guarded!(put, PUT);
    guarded!(delete, DELETE);

    /// `GET` for everybody: it tells nothing of messages.
    pub(super) fn open<H, T>(path: &'static str, handler: H) -> Self
    where
        H: Handler<T, Context>,
        T: 'static,
    {
        let handler = on(MethodFilter::GET, handler);
        Self { method: Method::GET, path, scope: None, handler, operation: None }
    }

    /// A method that checks by itself who asks, since the credentials stand elsewhere.
    pub(super) fn unguarded<H, T>(method: Method, path: &'static str, handler: H) -> Self
    where
        H: Handler<T, Context>,
        T: 'static,
    {
        let handler = on(filter(&method), handler);
        Self { method, path, scope: None, handler, operation: None }
    }

    /// Puts it into the OpenAPI document. Parameters in the path are taken from there.
    pub(super) fn named(mut self, id: &str, summary: &str) -> Self {
        let mut operation = Map::new();
        operation.insert("operationId".to_owned(), id.into());
        operation.insert("summary".to_owned(), summary.into());
        let parameters = in_path(self.path);
        if !parameters.is_empty() {
            operation.insert("parameters".to_owned(), parameters.into());
        }
        let security = match self.scope {
            Some(scope) => json!([{ "bearer": [scope.name()] }, { "basic": [scope.name()] }]),
            None => json!([]),
        };
        operation.insert("security".to_owned(), security);
        operation.insert("responses".to_owned(), json!({ "default": problem() }));
        self.operation = Some(operation);
        self
    }

    /// A parameter of the query or a header, as OpenAPI writes it.
    pub(super) fn parameter(mut self, parameter: Value) -> Self {
        if let Some(operation) = &mut self.operation {
            let list = operation.entry("parameters").or_insert_with(|| json!([]));
            if let Some(list) = list.as_array_mut() {
                list.push(parameter);
            }
        }
        self
    }

    /// A parameter of the query.
    pub(super) fn query(self, name: &str, schema: &Value, description: &str) -> Self {
        self.parameter(json!({
            "name": name, "in": "query", "schema": schema, "description": description,
        }))
    }

    /// The body of the request, as OpenAPI writes it.
    pub(super) fn body(mut self, body: Value) -> Self {
        if let Some(operation) = &mut self.operation {
            operation.insert("requestBody".to_owned(), body);
        }
        self
    }

    /// A JSON body of this schema, which must be there.
    pub(super) fn json_body(self, schema: &str) -> Self {
        self.body(json!({
            "required": true,
            "content": { "application/json": { "schema": reference(schema) } },
        }))
    }

    /// An answer with a JSON body of this schema.
    pub(super) fn answers(self, status: u16, description: &str, schema: &str) -> Self {
        self.response(
            status,
            json!({
                "description": description,
                "content": { "application/json": { "schema": reference(schema) } },
            }),
        )
    }

    /// What every other answer is, as OpenAPI writes it, where that is not a problem alone.
    pub(super) fn otherwise(mut self, response: Value) -> Self {
        if let Some(responses) = self.operation.as_mut().and_then(|it| it.get_mut("responses")) {
            responses["default"] = response;
        }
        self
    }

    /// An answer, as OpenAPI writes it.
    pub(super) fn response(mut self, status: u16, response: Value) -> Self {
        if let Some(responses) = self.operation.as_mut().and_then(|it| it.get_mut("responses")) {
            responses[status.to_string()] = response;
        }
        self
    }
}

/// The routes of all endpoints.
pub(super) fn router(endpoints: Vec<Endpoint>, gateway: &Gateway) -> Router<Context> {
    let mut paths: Vec<(&'static str, MethodRouter<Context>)> = Vec::new();
    for mut endpoint in endpoints {
        if sight::is_about_a_message(endpoint.path) {
            let state = (gateway.clone(), endpoint.scope);
            endpoint.handler = endpoint.handler.route_layer(from_fn_with_state(state, sight::own));
        }
        match paths.iter_mut().find(|(path, _)| *path == endpoint.path) {
            Some((_, routes)) => *routes = routes.clone().merge(endpoint.handler),
            None => paths.push((endpoint.path, endpoint.handler)),
        }
    }
    paths
        .into_iter()
        .fold(Router::new(), |router, (path, routes)| router.route(path, methods(routes)))
}

/// Resources below `/api/v1` that describe themselves: `settings:read` for reading, and
/// `settings:manage` for everything else.
#[allow(dead_code, reason = "for rooms whose resources are made at another place")]
pub(super) fn settings(routes: Router<Context>) -> Router<Context> {
    Router::new().nest("/api/v1", routes.route_layer(from_fn(auth::settings)))
}

/// The member `paths` of the OpenAPI document.
pub(super) fn paths(endpoints: &[Endpoint]) -> Value {
    let mut paths = json!({});
    for endpoint in endpoints {
        if let Some(operation) = &endpoint.operation {
            let method = endpoint.method.as_str().to_ascii_lowercase();
            paths[endpoint.path][method] = Value::Object(operation.clone());
        }
    }
    paths
}

/// A schema of the document by its name.
pub(super) fn reference(name: &str) -> Value {
    json!({ "$ref": format!("#/components/schemas/{name}") })
}

fn problem() -> Value {
    json!({ "$ref": "#/components/responses/Problem" })
}

fn filter(method: &Method) -> MethodFilter {
    MethodFilter::try_from(method.clone()).unwrap_or(MethodFilter::GET)
}

fn in_path(path: &str) -> Vec<Value> {
    path.split('/')
        .filter_map(|piece| piece.strip_prefix('{')?.strip_suffix('}'))
        .map(|name| {
            let schema = match name {
                "index" => json!({ "type": "integer", "minimum": 0 }),
                _ => json!({ "type": "string", "minLength": 1 }),
            };
            json!({ "name": name, "in": "path", "required": true, "schema": schema })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn nothing_but_the_named_few_is_served_without_a_scope() {
        let open: BTreeSet<&str> = all()
            .iter()
            .filter(|endpoint| endpoint.scope.is_none())
            .map(|endpoint| endpoint.path)
            .collect();
        let expected = [
            "/api/openapi.json",
            "/assets/icon.svg",
            "/assets/page.js",
            "/assets/style.css",
            // These look for a token in the form.
            "/cgi-bin/sendmms",
            "/cgi-bin/sendsms",
            "/healthz",
            "/readyz",
        ];
        assert_eq!(open, BTreeSet::from(expected));
    }

    #[test]
    fn every_resource_of_the_api_is_described_once() {
        let mut ids = BTreeSet::new();
        let mut pairs = BTreeSet::new();
        for endpoint in all() {
            let pair = (endpoint.path, endpoint.method.to_string());
            assert!(pairs.insert(pair.clone()), "{pair:?} is there twice");
            let operation = endpoint.operation.as_ref();
            if endpoint.path.starts_with("/api/v1/") {
                assert!(operation.is_some(), "{pair:?} is not described");
            }
            if let Some(operation) = operation {
                let id = operation["operationId"].as_str().expect("a name").to_owned();
                assert!(ids.insert(id), "{pair:?} has the name of another");
                let answers = operation["responses"].as_object().expect("answers");
                assert!(answers.len() > 1, "{pair:?} has no answer but a problem");
            }
        }
        assert!(pairs.len() > 25, "only {} endpoints", pairs.len());
    }
}

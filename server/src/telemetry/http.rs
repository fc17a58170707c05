//! `/metrics` and `/health` on HTTP.

use super::metrics::exposition;
use super::visitors::Visitors;
use crate::administration::{Live, Order, Orders, Scrape};
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use router::parameter::{ResourceKind, ResourceState};
use serde_json::json;
use std::io;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

#[derive(Clone)]
struct Server {
    orders: Orders,
    live: Live,
}

/// Serves until it is dropped.
pub async fn serve(listener: TcpListener, orders: Orders, live: Live) -> io::Result<()> {
    let router = axum::Router::new()
        .route("/metrics", get(metrics))
        .route("/health", get(health))
        .with_state(Server { orders, live });
    axum::serve(Visitors::new(listener), router).await
}

impl Server {
    async fn scrape(&self) -> Option<Scrape> {
        let (answer, answered) = oneshot::channel();
        self.orders.send(Order::Scrape(answer)).await.ok()?;
        answered.await.ok()
    }
}

async fn metrics(State(server): State<Server>) -> Response {
    match server.scrape().await {
        Some(scrape) => {
            let text = exposition(&scrape, server.live.load().draining);
            ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text).into_response()
        }
        None => (StatusCode::SERVICE_UNAVAILABLE, "too many scrapes at once\n").into_response(),
    }
}

/// 200 while every module answers and none has failed; 503 otherwise, and while the server drains, so that a load balancer
/// turns to another.
async fn health(State(server): State<Server>) -> Response {
    let Some(scrape) = server.scrape().await else {
        return (StatusCode::SERVICE_UNAVAILABLE, "too many scrapes at once\n").into_response();
    };
    let draining = server.live.load().draining;
    let (status, state) = verdict(scrape.state(), draining);
    let silent: Vec<String> = scrape.silent.iter().map(|address| address.module.to_string()).collect();
    let faults: Vec<_> = scrape
        .statuses
        .iter()
        .flat_map(|status| status.resources.iter().map(move |resource| (&status.module, resource)))
        .filter(|(_, resource)| resource.state != ResourceState::Ready)
        .map(|(module, resource)| json!({ "module": module, "resource": resource.name, "detail": resource.detail }))
        .collect();
    let calls = scrape.used(ResourceKind::Calls);
    let body = json!({ "state": state, "calls": calls, "silent": silent, "faults": faults });
    (status, [(header::CONTENT_TYPE, "application/json")], format!("{body}\n")).into_response()
}

fn verdict(state: ResourceState, draining: bool) -> (StatusCode, &'static str) {
    match (draining, state) {
        (true, _) => (StatusCode::SERVICE_UNAVAILABLE, "draining"),
        (false, ResourceState::Failed) => (StatusCode::SERVICE_UNAVAILABLE, "failed"),
        (false, ResourceState::Degraded) => (StatusCode::OK, "degraded"),
        (false, ResourceState::Ready) => (StatusCode::OK, "ready"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_degraded_server_serves_and_a_draining_one_does_not() {
        assert_eq!(verdict(ResourceState::Ready, false).0, StatusCode::OK);
        assert_eq!(verdict(ResourceState::Degraded, false).0, StatusCode::OK);
        assert_eq!(verdict(ResourceState::Failed, false).0, StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(verdict(ResourceState::Ready, true), (StatusCode::SERVICE_UNAVAILABLE, "draining"));
    }
}

//! A real browser, driven by the `WebDriver` protocol (W3C): what a page does there no request of our own can show.

use std::{
    io::{BufRead as _, BufReader},
    os::unix::process::CommandExt as _,
    process::{Child, Command, Stdio},
    time::Duration,
};

use reqwest::{Client, Method};
use rustix::process::{Pid, Signal, kill_process_group};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::resilience::service::until;

/// The name under which `WebDriver` gives an element.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";
/// How long a page may take, on a loaded machine.
const PATIENCE: Duration = Duration::from_mins(1);

/// What drives browsers, and where they write. They end with it.
struct Driver(
    Child,
    #[expect(dead_code, reason = "removed when dropped")] TempDir,
);

/// One window of Chromium, with a profile of its own; it ends with this.
pub(super) struct Browser {
    _driver: Driver,
    client: Client,
    /// The session's address.
    session: String,
}

impl Browser {
    pub(super) async fn start() -> Self {
        let mut driver = Driver::start();
        // Every client wants one, also over plain TCP.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let said = BufReader::new(driver.0.stdout.take().unwrap()).lines();
        let port = said.map(Result::unwrap).find_map(|line| {
            let (_, port) = line.split_once("started successfully on port ")?;
            Some(port.trim_end_matches('.').to_owned())
        });
        let mut browser = Self {
            _driver: driver,
            client: Client::builder().timeout(PATIENCE).build().unwrap(),
            session: format!("http://127.0.0.1:{}/session", port.expect("a port")),
        };
        let wanted = json!({"capabilities": {"alwaysMatch": {"goog:chromeOptions": {"args": [
            "--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu", "--window-size=900,1000",
        ]}}}});
        let begun = browser.ask(Method::POST, "", wanted).await;
        browser.session += "/";
        browser.session += begun["sessionId"].as_str().unwrap();
        browser
    }

    async fn ask(&self, method: Method, path: &str, body: Value) -> Value {
        let answer = self.try_ask(method, path, body).await;
        answer.unwrap_or_else(|error| panic!("{path}: {error}"))
    }

    async fn try_ask(&self, method: Method, path: &str, body: Value) -> Result<Value, Value> {
        let request = self
            .client
            .request(method.clone(), format!("{}{path}", self.session));
        let request = match method {
            Method::GET => request,
            _ => request.json(&body),
        };
        let answer = request.send().await.unwrap();
        let mut answer: Value = answer.json().await.unwrap();
        let value = answer["value"].take();
        if value["error"].is_null() {
            Ok(value)
        } else {
            Err(value)
        }
    }

    pub(super) async fn open(&self, url: &str) {
        self.ask(Method::POST, "/url", json!({"url": url})).await;
    }

    async fn element(&self, selector: &str) -> String {
        let wanted = json!({"using": "css selector", "value": selector});
        let found = self.ask(Method::POST, "/element", wanted).await;
        found[ELEMENT].as_str().unwrap().to_owned()
    }

    /// The text that somebody sees of it.
    pub(super) async fn text(&self, selector: &str) -> String {
        let path = format!("/element/{}/text", self.element(selector).await);
        let text = self.ask(Method::GET, &path, Value::Null).await;
        text.as_str().unwrap().to_owned()
    }

    /// What a property of its style comes to.
    pub(super) async fn style(&self, selector: &str, property: &str) -> String {
        let path = format!("/element/{}/css/{property}", self.element(selector).await);
        let style = self.ask(Method::GET, &path, Value::Null).await;
        style.as_str().unwrap().to_owned()
    }

    pub(super) async fn type_into(&self, selector: &str, text: &str) {
        let path = format!("/element/{}/value", self.element(selector).await);
        self.ask(Method::POST, &path, json!({"text": text})).await;
    }

    pub(super) async fn clear(&self, selector: &str) {
        let path = format!("/element/{}/clear", self.element(selector).await);
        self.ask(Method::POST, &path, json!({})).await;
    }

    pub(super) async fn click(&self, selector: &str) {
        let path = format!("/element/{}/click", self.element(selector).await);
        self.ask(Method::POST, &path, json!({})).await;
    }

    /// Clicks what sends a form, and waits until its answer is there instead.
    pub(super) async fn send_by(&self, selector: &str) {
        let before = format!("/element/{}/name", self.element("body").await);
        self.click(selector).await;
        until("another page", async || {
            let known = self.try_ask(Method::GET, &before, Value::Null).await;
            known.is_err().then_some(())
        })
        .await;
        until("the page is whole", async || {
            let state = json!({"script": "return document.readyState", "args": []});
            let state = self.try_ask(Method::POST, "/execute/sync", state).await;
            state.is_ok_and(|state| state == "complete").then_some(())
        })
        .await;
    }
}

impl Driver {
    fn start() -> Self {
        let mut command = Command::new("chromedriver");
        let dir = TempDir::new().unwrap();
        command.arg("--port=0").env("TMPDIR", dir.path());
        command.stdin(Stdio::null());
        command.stdout(Stdio::piped()).stderr(Stdio::null());
        // A group of its own, with all that it starts.
        let started = command.process_group(0).spawn();
        let started = started.unwrap_or_else(|error| {
            panic!("chromedriver: {error}: run packaging/install-deps test")
        });
        Self(started, dir)
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        if let Some(group) = i32::try_from(self.0.id()).ok().and_then(Pid::from_raw) {
            let _ = kill_process_group(group, Signal::KILL);
        }
        let _ = self.0.wait();
    }
}

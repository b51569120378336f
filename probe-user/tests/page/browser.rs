//! A Chromium that reads one page, and what it complains of.

use std::{
    future::Future,
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use chromiumoxide::{
    Browser, BrowserConfig, Page,
    cdp::{
        browser_protocol::{
            emulation::{
                MediaFeature, SetDeviceMetricsOverrideParams, SetEmulatedMediaParams,
                SetFocusEmulationEnabledParams,
            },
            input::{
                DispatchKeyEventParams, DispatchKeyEventType, DispatchMouseEventParams,
                DispatchMouseEventType, MouseButton,
            },
            log::EventEntryAdded,
            network::{EnableParams, EventRequestWillBeSent},
            page::PrintToPdfParams,
        },
        js_protocol::runtime::{EventConsoleApiCalled, EventExceptionThrown},
    },
    listeners::EventStream,
    page::ScreenshotParams,
};
use futures_util::StreamExt;
use serde::de::DeserializeOwned;

/// Bits of a key's modifiers, as the protocol has them.
pub(crate) const SHIFT: i64 = 8;
pub(crate) const CONTROL: i64 = 2;

/// A page, open.
pub(crate) struct Reader {
    page: Page,
    said: Arc<Mutex<Vec<String>>>,
}

/// Opens a browser with an empty profile of its own, and closes it when `read` is done.
pub(crate) async fn with_reader<F: Future<Output = ()>>(read: impl FnOnce(Reader) -> F) {
    let profile = tempfile::tempdir().unwrap();
    let config = BrowserConfig::builder()
        .chrome_executable("/usr/bin/chromium")
        // Chromium's own sandbox needs user namespaces or a setuid helper; root has neither. It reads our own files.
        .no_sandbox()
        .args(["--disable-gpu", "--disable-dev-shm-usage", "--force-color-profile=srgb"])
        .user_data_dir(profile.path())
        .window_size(1250, 900)
        .viewport(None)
        .launch_timeout(Duration::from_mins(1))
        .build()
        .unwrap();
    let (mut browser, mut handler) = Browser::launch(config).await.unwrap();
    let events = tokio::spawn(async move { while handler.next().await.is_some() {} });
    let page = browser.new_page("about:blank").await.unwrap();
    let said = Arc::default();
    listen(&page, &said, |event: &EventRequestWillBeSent| format!("request {}", event.request.url)).await;
    listen(&page, &said, |event: &EventExceptionThrown| format!("exception {:?}", event.exception_details))
        .await;
    listen(&page, &said, |event: &EventConsoleApiCalled| format!("console {:?}", event.args)).await;
    listen(&page, &said, |event: &EventEntryAdded| format!("log {}", event.entry.text)).await;
    page.execute(EnableParams::default()).await.unwrap();
    page.execute(SetFocusEmulationEnabledParams::new(true)).await.unwrap();
    // Slow machines read slowly; who waits for what never comes fails.
    let reader = Reader { page, said };
    // Smooth scrolling would move what the mouse is aimed at.
    reader.medium("", "light").await;
    tokio::time::timeout(Duration::from_mins(2), read(reader)).await.expect("a page that is read");
    browser.close().await.unwrap();
    browser.wait().await.unwrap();
    events.abort();
}

async fn listen<T>(page: &Page, said: &Arc<Mutex<Vec<String>>>, words: fn(&T) -> String)
where
    T: chromiumoxide::cdp::IntoEventKind + Send + Sync + Unpin + 'static,
{
    let mut events: EventStream<T> = page.event_listener().await.unwrap();
    let said = Arc::clone(said);
    tokio::spawn(async move {
        while let Some(event) = events.next().await {
            said.lock().unwrap().push(words(&event));
        }
    });
}

impl Reader {
    /// Goes to a file, and to a fragment of it.
    pub(crate) async fn open(&self, file: &Path, fragment: &str) {
        // A page that is there already is not loaded again for a fragment.
        self.page.goto("about:blank").await.unwrap();
        self.page.goto(format!("file://{}{fragment}", file.display())).await.unwrap();
        self.page.wait_for_navigation().await.unwrap();
    }

    /// Waits until this expression is true, also of another page that a link leads to.
    pub(crate) async fn until(&self, expression: &str) {
        let deadline = Instant::now() + Duration::from_secs(20);
        loop {
            // While one page goes and the next comes, there is nobody to ask.
            let value = self.page.evaluate(expression).await.ok().and_then(|value| value.into_value().ok());
            if value == Some(true) {
                return;
            }
            assert!(Instant::now() < deadline, "{expression} never becomes true");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// What the browser was asked to load, and complained of, since the last time.
    pub(crate) fn said(&self) -> Vec<String> {
        std::mem::take(&mut *self.said.lock().unwrap())
    }

    /// The value of an expression.
    pub(crate) async fn ask<T: DeserializeOwned>(&self, expression: &str) -> T {
        let value =
            self.page.evaluate(expression).await.unwrap_or_else(|error| panic!("{expression}: {error}"));
        value.into_value().unwrap_or_else(|error| panic!("{expression}: {error}"))
    }

    /// How wide the window is; pages are laid out anew.
    pub(crate) async fn width(&self, width: i64) {
        let metrics = SetDeviceMetricsOverrideParams::new(width, 900, 1.0, false);
        self.page.execute(metrics).await.unwrap();
        self.settle().await;
    }

    /// The medium (empty for the screen) and the colours that the reader prefers.
    pub(crate) async fn medium(&self, medium: &str, scheme: &str) {
        let scheme = MediaFeature::new("prefers-color-scheme", scheme);
        let still = MediaFeature::new("prefers-reduced-motion", "reduce");
        let medium = SetEmulatedMediaParams::builder().media(medium).features([scheme, still]).build();
        self.page.execute(medium).await.unwrap();
        self.settle().await;
    }

    /// Two frames: whatever the page computes of its size is drawn then.
    pub(crate) async fn settle(&self) {
        let frames =
            "new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done(true))))";
        // Who followed a link meanwhile has left nobody to ask.
        let _ = self.page.evaluate(frames).await;
    }

    /// Presses a key, wherever the focus is.
    pub(crate) async fn press(&self, key: &str, modifiers: i64) {
        for kind in [DispatchKeyEventType::RawKeyDown, DispatchKeyEventType::KeyUp] {
            // The browser itself acts on these by their codes.
            let code = match key {
                "Tab" => 9,
                "Enter" => 13,
                _ => 0,
            };
            let event = DispatchKeyEventParams::builder()
                .r#type(kind)
                .key(key)
                .windows_virtual_key_code(code)
                .modifiers(modifiers)
                .build();
            self.page.execute(event.unwrap()).await.unwrap();
        }
    }

    /// Does something with the mouse in the middle of what a selector finds first, after it was scrolled there.
    pub(crate) async fn mouse(&self, selector: &str, kind: DispatchMouseEventType, change: Change) {
        let place = format!(
            "(() => {{ const one = document.querySelector({selector:?}); one.scrollIntoView({{ block: 'center', behavior: 'instant' }}); \
             const box = one.getBoundingClientRect(); return [box.left + box.width / 2, box.top + box.height / 2]; }})()"
        );
        let [x, y]: [f64; 2] = self.ask(&place).await;
        let button = if change.held { MouseButton::Left } else { MouseButton::None };
        let event = DispatchMouseEventParams::builder()
            .r#type(kind)
            .x(x + change.by)
            .y(y)
            .button(button)
            .buttons(i64::from(change.held))
            .click_count(i64::from(change.held))
            .delta_x(0.0)
            .delta_y(change.wheel)
            .modifiers(change.modifiers)
            .build();
        self.page.execute(event.unwrap()).await.unwrap();
        self.settle().await;
    }

    /// Points at it.
    pub(crate) async fn point(&self, selector: &str) {
        self.mouse(selector, DispatchMouseEventType::MouseMoved, Change::default()).await;
    }

    /// Clicks it.
    pub(crate) async fn click(&self, selector: &str) {
        let held = Change { held: true, ..Change::default() };
        self.point(selector).await;
        self.mouse(selector, DispatchMouseEventType::MousePressed, held).await;
        self.mouse(selector, DispatchMouseEventType::MouseReleased, held).await;
    }

    /// Keeps what it looks like, whole, for people to look at.
    pub(crate) async fn screenshot(&self, name: &str) {
        let pixels = self.page.screenshot(ScreenshotParams::builder().full_page(true).build()).await.unwrap();
        std::fs::write(kept(name), pixels).unwrap();
    }

    /// The page on paper.
    pub(crate) async fn pdf(&self, name: &str) -> Vec<u8> {
        let paper = PrintToPdfParams::builder().prefer_css_page_size(true).print_background(true).build();
        let pdf = self.page.pdf(paper).await.unwrap();
        std::fs::write(kept(name), &pdf).unwrap();
        pdf
    }
}

/// What the mouse does besides being somewhere.
#[derive(Clone, Copy, Default)]
pub(crate) struct Change {
    /// Pixels to the right.
    pub(crate) by: f64,
    /// The button is down.
    pub(crate) held: bool,
    /// Pixels that the wheel turns; negative away from the reader.
    pub(crate) wheel: f64,
    pub(crate) modifiers: i64,
}

/// Where pictures for people are kept.
fn kept(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("page");
    std::fs::create_dir_all(&folder).unwrap();
    folder.join(name)
}

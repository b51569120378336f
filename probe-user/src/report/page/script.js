// Adds zoom, pan and details to pictures that are there without it. Places on the axis of time are in the page, in
// seconds (data-f, data-t, data-x); all this does is to compute pixels from them anew.
"use strict";
(() => {
  const ROOM = 84, EDGE = 10, HALF_A_LABEL = 24;
  document.documentElement.classList.add("js");

  class Chart {
    constructor(figure) {
      this.figure = figure;
      this.svg = figure.querySelector(".scroll > svg");
      this.whole = [Number(figure.dataset.from), Number(figure.dataset.to)];
      this.left = Number(figure.dataset.left);
      this.height = Number(figure.dataset.height);
      [this.from, this.to] = this.whole;
      this.said = figure.querySelector(".detail");
      // One stop for Tab; from there the arrow keys lead on. Titles would also pop up beside the details.
      for (const part of this.parts()) {
        part.setAttribute("aria-label", part.querySelector("title").textContent);
        part.querySelector("title").remove();
        part.setAttribute("tabindex", "-1");
      }
      this.lanes = [...this.svg.querySelectorAll(".lane")].map((lane) =>
        [...lane.querySelectorAll(".part")].sort((one, other) => start(one) - start(other)));
      this.lanes = this.lanes.filter((lane) => lane.length);
      this.parts()[0]?.setAttribute("tabindex", "0");
      this.listen();
      new ResizeObserver(() => this.fit()).observe(figure);
      this.fit();
    }

    parts() { return [...this.svg.querySelectorAll(".part")]; }

    fit(width = Math.max(640, this.svg.parentElement.clientWidth)) {
      this.right = width - EDGE;
      this.svg.setAttribute("viewBox", `0 0 ${width} ${this.height}`);
      this.svg.setAttribute("width", width);
      for (const bed of this.svg.querySelectorAll(".bed")) bed.setAttribute("width", this.right - this.left);
      this.draw();
    }

    // Where a moment is; what lies outside is at the edge.
    x(at) {
      const share = (at - this.from) / (this.to - this.from);
      return this.left + Math.min(1, Math.max(0, share)) * (this.right - this.left);
    }

    sees(from, to = from) { return to >= this.from && from <= this.to; }

    draw() {
      for (const part of this.svg.querySelectorAll("[data-f]")) {
        const rect = part.tagName === "rect" ? part : part.querySelector("rect");
        const [from, to] = [Number(part.dataset.f), Number(part.dataset.t)];
        const left = this.x(from), width = Math.max(this.x(to) - left, 2);
        part.style.display = this.sees(from, to) ? "" : "none";
        rect.setAttribute("x", left.toFixed(1));
        rect.setAttribute("width", width.toFixed(1));
        const text = part.querySelector("text");
        if (text) {
          text.setAttribute("x", (left + 8).toFixed(1));
          text.textContent = fitting(part.dataset.words, width, Number(part.dataset.letter));
        }
      }
      for (const part of this.svg.querySelectorAll("[data-x]")) {
        const at = Number(part.dataset.x), x = this.x(at);
        part.style.visibility = this.sees(at) ? "" : "hidden";
        if (part.classList.contains("note")) {
          const end = x > this.right - 110;
          part.setAttribute("x", (end ? x - 6 : x + 6).toFixed(1));
          part.setAttribute("text-anchor", end ? "end" : "start");
        } else {
          part.setAttribute("transform", `translate(${x.toFixed(1)} ${part.dataset.y ?? 0})`);
          this.turn(part, x);
        }
      }
      for (const path of this.svg.querySelectorAll("path[data-bars]")) path.setAttribute("d", this.bars(path));
      for (const path of this.svg.querySelectorAll("path[data-points]")) path.setAttribute("d", this.counter(path));
      this.axis();
      this.svg.classList.toggle("grab", this.zoomed());
      this.figure.querySelector(".range").textContent =
        `${seconds(this.from, 1)} to ${seconds(this.to, 1)}${this.zoomed() ? "" : ", the whole run"}`;
    }

    // A pin's words are on the side that has room for them.
    turn(part, x) {
      const text = part.classList.contains("pin") && part.querySelector("text");
      if (!text) return;
      const end = x > (this.left + this.right) / 2;
      text.setAttribute("x", end ? -6 : 6);
      text.setAttribute("text-anchor", end ? "end" : "start");
    }

    bars(path) {
      const base = path.dataset.base;
      return numbers(path.dataset.bars).filter(([from, to]) => this.sees(from, to)).map(([from, to, height]) => {
        const left = this.x(from), right = Math.max(this.x(to), left + 1);
        return `M${left.toFixed(1)} ${base}V${(base - height).toFixed(1)}H${right.toFixed(1)}V${base}Z`;
      }).join("");
    }

    counter(path) {
      const { base, height } = path.dataset;
      const points = numbers(path.dataset.points);
      // Between two readings it is drawn straight, also where one of them lies outside.
      const level = (at) => {
        const next = points.findIndex(([then]) => then >= at);
        if (next < 1) return next === 0 && points[0][0] === at ? points[0][1] : 0;
        const [[t0, v0], [t1, v1]] = [points[next - 1], points[next]];
        return t1 === t0 ? v1 : v0 + (v1 - v0) * (at - t0) / (t1 - t0);
      };
      const first = points[0][0], last = points[points.length - 1][0];
      if (!this.sees(first, last)) return "";
      const from = Math.max(first, this.from), to = Math.min(last, this.to);
      const seen = [[from, level(from)], ...points.filter(([at]) => at > from && at < to), [to, level(to)]];
      const y = (value) => (base - value * height).toFixed(1);
      return `M${this.x(from).toFixed(1)} ${base}` +
        seen.map(([at, value]) => `L${this.x(at).toFixed(1)} ${y(value)}`).join("") +
        `L${this.x(to).toFixed(1)} ${base}Z`;
    }

    axis() {
      const least = (this.to - this.from) * ROOM / (this.right - this.left);
      const power = 10 ** Math.floor(Math.log10(least));
      const step = [1, 2, 5, 10].map((factor) => factor * power).find((one) => one >= least) ?? least;
      const decimals = step >= 1 ? 0 : step >= 0.1 ? 1 : step >= 0.01 ? 2 : 3;
      const axis = this.svg.querySelector(".axis");
      const [y1, y2, y] = [axis.querySelector("line")?.getAttribute("y1") ?? 21, this.height, 17];
      axis.replaceChildren();
      for (let number = Math.ceil(this.from / step); number * step <= this.to; number++) {
        const x = this.x(number * step).toFixed(1);
        axis.append(make("line", { x1: x, x2: x, y1, y2 }));
        // The last one must not reach beyond the picture.
        const last = x > this.right - HALF_A_LABEL;
        const text = make("text", { x: last ? this.right : x, y, "text-anchor": last ? "end" : "middle" });
        text.textContent = number === 0 ? "0 s" : seconds(number * step, decimals);
        axis.append(text);
      }
    }

    zoomed() { return this.from > this.whole[0] || this.to < this.whole[1]; }

    // Shows this interval, as far as there is something, and not less than a hundredth of a second.
    show(from, to) {
      const [first, last] = this.whole;
      const length = Math.min(Math.max(to - from, 0.01), last - first);
      this.from = Math.min(Math.max(from, first), last - length);
      this.to = this.from + length;
      this.draw();
    }

    zoom(factor, at = (this.from + this.to) / 2) {
      this.show(at - (at - this.from) * factor, at + (this.to - at) * factor);
    }

    pan(share) {
      const by = (this.to - this.from) * share;
      this.show(this.from + by, this.to + by);
    }

    act(what) {
      if (what === "in") this.zoom(0.5, this.here());
      else if (what === "out") this.zoom(2, this.here());
      else if (what === "earlier") this.pan(-0.25);
      else if (what === "later") this.pan(0.25);
      else if (what === "reset") this.show(...this.whole);
    }

    // What zooming keeps in sight: the moment that was pointed out, or the middle.
    here() { return this.at !== undefined && this.sees(this.at) ? this.at : undefined; }

    tell(part) {
      this.at = start(part);
      const head = document.createElement("b");
      head.textContent = part.getAttribute("aria-label");
      this.said.replaceChildren(head, ...behind(part.getAttribute("href")));
    }

    go(part, event) {
      if (!part) return;
      for (const other of this.parts()) other.setAttribute("tabindex", "-1");
      part.setAttribute("tabindex", "0");
      if (!this.sees(start(part), end(part))) {
        const half = (this.to - this.from) / 2;
        this.show(start(part) - half, start(part) + half);
      }
      part.focus();
      event.preventDefault();
    }

    keys(event) {
      if (event.altKey || event.ctrlKey || event.metaKey) return;
      const what = { "+": "in", "=": "in", "-": "out", "0": "reset" }[event.key] ??
        (event.shiftKey ? { ArrowLeft: "earlier", ArrowRight: "later" }[event.key] : undefined);
      if (what) {
        this.act(what);
        event.preventDefault();
        return;
      }
      const part = event.target.closest?.(".part");
      if (!part) {
        if (event.key === "ArrowDown" && event.target === this.svg.parentElement) this.go(this.lanes[0]?.[0], event);
        return;
      }
      const row = this.lanes.findIndex((lane) => lane.includes(part));
      const place = this.lanes[row].indexOf(part);
      const nearest = (lane) => lane?.reduce((best, one) =>
        Math.abs(start(one) - start(part)) < Math.abs(start(best) - start(part)) ? one : best);
      switch (event.key) {
        case "ArrowLeft": return this.go(this.lanes[row][place - 1], event);
        case "ArrowRight": return this.go(this.lanes[row][place + 1], event);
        case "ArrowUp": return this.go(nearest(this.lanes[row - 1]), event);
        case "ArrowDown": return this.go(nearest(this.lanes[row + 1]), event);
        case "Home": return this.go(this.lanes[row][0], event);
        case "End": return this.go(this.lanes[row].at(-1), event);
      }
    }

    // The moment under a pointer.
    moment(event) {
      const box = this.svg.getBoundingClientRect();
      const x = (event.clientX - box.left) * this.svg.viewBox.baseVal.width / box.width;
      return this.from + (x - this.left) / (this.right - this.left) * (this.to - this.from);
    }

    listen() {
      this.figure.querySelector(".tools").addEventListener("click", (event) => this.act(event.target.dataset.do));
      this.svg.parentElement.addEventListener("keydown", (event) => this.keys(event));
      // Not of the picture itself: browsers let an SVG that listens to the focus have it.
      for (const kind of ["focusin", "pointerover"]) {
        this.svg.parentElement.addEventListener(kind, (event) => {
          // A page that scrolls under a pointer at rest is nobody who points.
          const place = `${event.screenX} ${event.screenY}`;
          if (kind === "pointerover" && place === this.pointed) return;
          if (kind === "pointerover") this.pointed = place;
          const part = event.target.closest(".part");
          if (part) this.tell(part);
        });
      }
      this.svg.addEventListener("wheel", (event) => {
        if (event.ctrlKey || event.metaKey) this.zoom(event.deltaY < 0 ? 0.8 : 1.25, this.moment(event));
        else if (event.shiftKey && this.zoomed()) this.pan(event.deltaY > 0 || event.deltaX > 0 ? 0.1 : -0.1);
        else return;
        event.preventDefault();
      }, { passive: false });
      const cursor = this.svg.querySelector(".cursor");
      this.svg.addEventListener("pointermove", (event) => {
        if (this.held !== undefined && event.buttons) {
          const by = this.held - this.moment(event);
          if (Math.abs(by) > (this.to - this.from) / 200) this.dragged = true;
          this.show(this.from + by, this.to + by);
        }
        const at = this.moment(event);
        cursor.classList.toggle("here", this.sees(at));
        cursor.setAttribute("transform", `translate(${this.x(at).toFixed(1)} 0)`);
        cursor.querySelector("text").textContent = seconds(at, 2);
      });
      this.svg.addEventListener("pointerleave", () => cursor.classList.remove("here"));
      this.svg.addEventListener("pointerdown", (event) => {
        this.dragged = false;
        this.held = this.zoomed() && event.button === 0 ? this.moment(event) : undefined;
      });
      this.svg.addEventListener("dragstart", (event) => event.preventDefault());
      window.addEventListener("pointerup", () => { this.held = undefined; });
      this.svg.addEventListener("click", (event) => { if (this.dragged) event.preventDefault(); }, true);
    }
  }

  const start = (part) => Number(part.dataset.f ?? part.dataset.x);
  const end = (part) => Number(part.dataset.t ?? part.dataset.x);
  const numbers = (text) => text.split(" ").filter(Boolean).map((one) => one.split(",").map(Number));
  const make = (tag, attributes) => {
    const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    return element;
  };
  const seconds = (at, decimals) => {
    const text = Math.abs(at).toFixed(decimals);
    return `${Number(text) === 0 ? "" : at < 0 ? "-" : "+"}${text} s`;
  };

  // As much of a part's words as it has room for; nothing where that would be no word.
  function fitting(words, width, letter) {
    const room = Math.floor(Math.max((width - 12) / letter, 0)), letters = [...words];
    if (letters.length <= room) return words;
    return room >= 5 ? letters.slice(0, room - 1).join("") + "…" : "";
  }

  // What the page's own list says of an event.
  function behind(address) {
    if (!address) return [];
    const row = address.startsWith("#") && document.getElementById(address.slice(1));
    if (!row) return ["Enter or a click leads to the event behind it."];
    const cell = (name) => row.querySelector(`[data-is="${name}"]`)?.textContent.trim() ?? "";
    return [`Line ${cell("line")} of events.jsonl, ${cell("wall")}, ${cell("who")}: ${cell("before")} → ${cell("after")}`];
  }

  const charts = [...document.querySelectorAll("figure.chart")].map((figure) => new Chart(figure));

  // A moment that decided an expectation is shown in the picture, also without a click.
  const show = (id) => {
    const pin = id ? document.getElementById(id) : null;
    for (const other of document.querySelectorAll(".pin.here")) other.classList.remove("here");
    if (!pin || !pin.classList.contains("pin")) return;
    pin.classList.add("here");
    const chart = charts.find((one) => one.svg.contains(pin));
    chart.at = Number(pin.dataset.x);
    if (!chart.sees(chart.at)) {
      const half = (chart.to - chart.from) / 2;
      chart.show(chart.at - half, chart.at + half);
    }
  };
  for (const link of document.querySelectorAll("a[data-pin]")) {
    for (const kind of ["focus", "pointerenter"]) link.addEventListener(kind, () => show(link.dataset.pin));
  }
  window.addEventListener("hashchange", () => show(location.hash.slice(1)));
  show(location.hash.slice(1));

  // Paper has no pointer: the whole run, as wide as a page.
  const onPaper = (paper) => {
    for (const chart of charts) {
      chart.show(...chart.whole);
      chart.fit(paper ? 1040 : undefined);
    }
  };
  window.addEventListener("beforeprint", () => onPaper(true));
  window.addEventListener("afterprint", () => onPaper(false));
  window.matchMedia("print").addEventListener("change", (event) => onPaper(event.matches));
})();

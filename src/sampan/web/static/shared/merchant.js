// What shops include to open the payment page: over their own page, inside it, or in its place.
(function () {
  "use strict";

  // A shop may include the script twice; its widgets must not end up in two registers.
  if (window.EPayWidget) return;

  const MODES = /^(purchase|payout|card_tokenize|card_verify|money_transfer|presentation)$/;
  const TOLD_ON_CHANGE = ["resize", "amount_change", "tab_change"];
  const LOADING_MS = 5000;
  // A frame taken away at once would never read that it is being closed.
  const FAREWELL_MS = 300;

  const live = new Set();
  const script =
    document.currentScript || document.querySelector('script[src*="/shared/merchant.js"]');
  const home = (webAddress(script && script.src) || { origin: "" }).origin;

  function webAddress(text) {
    try {
      const found = new URL(text);
      return /^https?:$/.test(found.protocol) ? found : null;
    } catch {
      return null;
    }
  }

  function baseOf(config) {
    const given = webAddress(config.baseUrl);
    const base = given ? given.origin + given.pathname.replace(/\/+$/, "") : home;
    if (!base) throw new Error("EPayWidget: baseUrl must be the address of the payment page");
    return base;
  }

  function isOn(flag) {
    return ["1", "true"].includes(String(flag).toLowerCase());
  }

  function words(text) {
    return typeof text === "string" ? text.split(/\s+/).filter(Boolean) : [];
  }

  function made(tag, id, parent) {
    const element = document.createElement(tag);
    if (id) element.id = id;
    if (parent) parent.appendChild(element);
    return element;
  }

  function handlerOf(word) {
    return ("on_" + word).replace(/[_.]+(.)/g, (_, letter) => letter.toUpperCase());
  }

  function elementOf(target) {
    const found = typeof target === "string" ? document.getElementById(target) : target;
    if (!found || found.nodeType !== 1) throw new Error("EPayWidget: no such target_element");
    return found;
  }

  function guid(length = 16) {
    const letters = "abcdefghijklmnopqrstuvwxyz012345";
    const drawn = crypto.getRandomValues(new Uint8Array(length));
    return Array.from(drawn, (byte) => letters[byte % letters.length]).join("");
  }

  function isMobile() {
    const agent = navigator.userAgent;
    // An iPad calls itself a Macintosh, but no Macintosh can be touched.
    return /Android|iPhone|iPad|iPod|Mobi/i.test(agent)
      || (/Macintosh/.test(agent) && navigator.maxTouchPoints > 1);
  }

  function navigateTop(address) {
    try {
      window.top.location.href = address;
    } catch {
      // The shop itself is framed by somebody who forbids it.
      window.location.href = address;
    }
  }

  class Widget {
    constructor(config, method, isEmbedded) {
      if (Object(config) !== config) throw new Error("EPayWidget: no configuration");
      this.config = config;
      this.isPost = String(method).toLowerCase() === "post";
      this.isEmbedded = isEmbedded || false;
      this.path = "";
      this.undo = [];
    }

    run() {
      this.check();
      const mode = this.frameMode();
      const isInside = /^(iframe|embedded)$/.test(mode);
      const target = isInside ? elementOf(this.config.target_element) : null;
      this.base = baseOf(this.config);
      this.call("onRun");
      if (mode !== "tab") this.open(mode, target);
      else if (this.isPost && !this.path) this.post(mode);
      else window.location.assign(this.address(mode));
      return this;
    }

    setEncryptedURL(path) {
      this.path = path ? String(path).replace(/^\/*/, "/") : "";
    }

    closePopup() {
      if (!this.box) return;
      this.sendPostMessage({ message: "close" });
      this.end();
      if (!this.hasResult) this.call("onDestroy");
      this.call("onExit");
    }

    sendPostMessage(message) {
      const page = this.frame && this.frame.contentWindow;
      if (page) page.postMessage(JSON.stringify(message), new URL(this.base).origin);
    }

    // --- what is sent ---

    check() {
      const { mode, payment_id: id, payment_currency: currency } = this.config;
      if (mode && !MODES.test(mode)) throw new Error("EPayWidget: unknown mode " + mode);
      // Within an encrypted path nobody can see what is missing.
      if (this.path || (mode && mode !== "purchase")) return;
      if (!id) throw new Error("EPayWidget: a purchase needs payment_id");
      if (!currency) throw new Error("EPayWidget: a purchase needs payment_currency");
    }

    frameMode() {
      const { redirect, redirect_on_mobile: onMobile, frame_mode: wanted } = this.config;
      if (isOn(redirect) || (isOn(onMobile) && isMobile())) return "tab";
      if (this.isEmbedded || wanted === "embedded") return "embedded";
      return this.config.target_element ? "iframe" : "popup";
    }

    fields(mode) {
      const fields = new Map();
      Object.keys(this.config).forEach((key) => {
        const value = this.config[key];
        if (/^(string|number|boolean|bigint)$/.test(typeof value)) fields.set(key, String(value));
      });
      fields.set("frame_mode", mode).set("_referrer", document.referrer);
      if (!this.isPost) fields.set("_sw", screen.width).set("_sh", screen.height);
      return fields;
    }

    address(mode) {
      if (this.path) return this.base + this.path;
      return this.base + "/payment?" + new URLSearchParams(Array.from(this.fields(mode)));
    }

    post(mode, frameName) {
      const form = made("form", "", document.body);
      form.hidden = true;
      form.method = "post";
      form.acceptCharset = "UTF-8";
      form.action = this.base + "/payment";
      if (frameName) form.target = frameName;
      this.fields(mode).forEach((value, name) => {
        Object.assign(made("input", "", form), { type: "hidden", name, value });
      });
      // A parameter called "submit" would hide the form's own function.
      HTMLFormElement.prototype.submit.call(form);
      form.remove();
    }

    // --- the frame and the popup around it ---

    open(mode, target) {
      const earlier = Array.from(live).filter((one) => one === this || one.target === target);
      earlier.forEach((one) => (one.box ? one.closePopup() : one.end()));
      this.guid = guid();
      this.target = target;
      this.hasResult = this.isAnswered = false;
      this.told = {};
      const frame = document.createElement("iframe");
      frame.id = frame.name = "iframe-" + this.guid;
      frame.className = "ep-iframe";
      frame.title = "Payment";
      frame.setAttribute("scrolling", "no");
      const isPosted = this.isPost && !this.path;
      // A frame without an address of its own must say to whom it lends the features.
      const to = isPosted ? " " + new URL(this.base).origin : "";
      frame.allow = ["payment", "clipboard-write", "web-share"].map((one) => one + to).join("; ");
      if (!isPosted) frame.src = this.address(mode);
      this.frame = frame;
      live.add(this);
      this.listen(frame, "load", () => this.greet());
      this.listen(window, "message", (event) => this.hear(event));
      this.listen(window, "resize", () => {
        cancelAnimationFrame(this.tick);
        this.tick = requestAnimationFrame(() => this.sendPostMessage({ message: "resize" }));
      });
      if (target) target.appendChild(frame);
      else this.show(frame);
      if (isPosted) this.post(mode, frame.name);
    }

    show(frame) {
      const former = document.getElementById("ep-modal-container");
      if (former) former.remove();
      const { style } = document.documentElement;
      const box = (this.box = made("div", "ep-modal-container"));
      const wrap = made("div", "ep-modal-wrap", box);
      const body = made("div", "ep-modal-body", wrap);
      const cross = (this.cross = made("button", "ep-modal-close", wrap));
      box.classList.add("shown", ...words(this.config.css_modal_wrap));
      if (isMobile()) box.classList.add("modal-mobile");
      wrap.className = "ep-modal-wrap";
      wrap.tabIndex = -1;
      wrap.setAttribute("role", "dialog");
      wrap.setAttribute("aria-modal", "true");
      wrap.setAttribute("aria-label", "Payment");
      cross.type = "button";
      cross.setAttribute("aria-label", "Close");
      body.appendChild(frame);

      const before = document.activeElement;
      // Otherwise Tab would lead out of the frame to the shop behind it.
      const behind = Array.from(document.body.children).filter((one) => !one.inert);
      const { overflow } = style;
      document.body.appendChild(box);
      behind.forEach((one) => (one.inert = true));
      style.overflow = "hidden";
      wrap.focus();
      this.undo.push(() => {
        box.classList.remove("shown");
        setTimeout(() => box.remove(), FAREWELL_MS);
        this.box = null;
        behind.forEach((one) => (one.inert = false));
        style.overflow = overflow;
        if (before && before.focus) before.focus({ preventScroll: true });
      });

      this.listen(cross, "click", () => this.closePopup());
      this.listen(document, "keydown", (event) => {
        if (event.key === "Escape") this.closePopup();
      });
      this.listen(box, "click", (event) => {
        if (event.target === box && isOn(this.config.close_on_missclick)) this.closePopup();
      });
    }

    listen(source, type, heard) {
      source.addEventListener(type, heard);
      this.undo.push(() => source.removeEventListener(type, heard));
    }

    end() {
      if (!live.delete(this)) return;
      clearTimeout(this.timer);
      cancelAnimationFrame(this.tick);
      if (!this.box) this.frame.remove();
      this.undo.splice(0).forEach((step) => step());
    }

    // --- talking with the page ---

    greet() {
      try {
        // The empty page that a frame holds before the form is posted into it.
        if (this.frame.contentWindow.location.href === "about:blank") return;
      } catch {
        // Not to be read: so it is the payment page.
      }
      this.sendPostMessage({ message: "link", guid: this.guid });
      clearTimeout(this.timer);
      if (this.isAnswered) return;
      const fail = () => this.obey("fail_loading", { message: "Network problem" });
      this.timer = setTimeout(fail, LOADING_MS);
    }

    hear(event) {
      if (event.source !== this.frame.contentWindow || typeof event.data !== "string") return;
      let said;
      try {
        said = JSON.parse(event.data);
      } catch {
        return;
      }
      if (!said || typeof said.message !== "string") return;
      if (said.guid !== this.guid && said.from_another_domain !== true) return;
      this.isAnswered = true;
      clearTimeout(this.timer);
      if (this.box) this.box.classList.add("loaded");
      this.obey(said.message.replace(/^epframe\./, ""), said.data);
    }

    obey(word, given) {
      let data = given;
      const about = Object(data);
      const { box } = this;
      if (word === "redirect") {
        this.redirect(about);
        return;
      }
      if (word === "fail_loading") {
        data = Object.assign({}, about, { config: this.config });
        if (box) this.end();
      } else if (word === "exit" || word === "destroy") this.end();
      else if (word === "loaded" || word === "resize") this.fit(about);
      else if (word === "payment_success" || word === "payment_fail") this.hasResult = true;
      else if (word === "payment.try_again") this.hasResult = false;
      // What stands in the frame meanwhile does not tell its height.
      else if (word === "redirect_iframe") this.frame.setAttribute("scrolling", "auto");
      else if (word === "redirect_iframe_complete") this.frame.setAttribute("scrolling", "no");
      else if (word === "embedded_mode.check_submit") this.ask(data);
      else if (box) this.dress(word, about);
      this.tell(word, data);
    }

    dress(word, about) {
      const { classList } = this.box;
      if (word === "with_qr_pay") classList.add("with-qr-pay");
      else if (word === "add_css_class") classList.add(...words(about.class));
      else if (word === "remove_css_class") classList.remove(...words(about.class));
      else if (word === "cross_color") this.cross.style.color = String(about.color);
    }

    fit(about) {
      const height = Number(about.height);
      if (height > 0 && isFinite(height)) this.frame.style.height = Math.ceil(height) + "px";
    }

    redirect(about) {
      const address = webAddress(about.url);
      // Nor is a refused address handed to the shop, which might follow it.
      if (!address) return;
      this.call("onRedirect", about);
      navigateTop(address.href);
    }

    ask(data) {
      const message = "epframe.embedded_mode.check_submit.result";
      const answer = (status) => () => this.sendPostMessage({ message, data: { status } });
      // A promise takes one answer only, and a shop that asks nothing agrees.
      new Promise((resolve, reject) => {
        if (!this.call("onCheckSubmit", data, resolve, reject)) resolve();
      }).then(answer("success"), answer("error"));
    }

    tell(word, data) {
      if (TOLD_ON_CHANGE.includes(word)) {
        const text = JSON.stringify(data);
        if (this.told[word] === text) return;
        this.told[word] = text;
      }
      this.call(handlerOf(word), data);
    }

    call(name, ...given) {
      const handler = this.config[name];
      if (typeof handler !== "function") return false;
      try {
        handler.apply(this.config, given);
      } catch (fault) {
        setTimeout(() => { throw fault; });
      }
      return true;
    }
  }

  const ORDERS = {
    trySubmit: "embedded_mode.try_submit",
    checkValidation: "embedded_mode.check_validation",
    submit: "embedded_mode.submit",
    buttonsDisable: "embedded_mode.buttons_disable",
    buttonsEnable: "embedded_mode.buttons_enable",
    externalSubmit: "external_widget_form_submission",
  };
  Object.keys(ORDERS).forEach((name) => {
    Widget.prototype[name] = function () {
      this.sendPostMessage({ message: "epframe." + ORDERS[name] });
    };
  });

  window.EPayWidget = {
    create: (config, method) => new Widget(config, method),
    run: (config, method) => new Widget(config, method).run(),
    runEmbedded: (config, method) => new Widget(config, method, true).run(),
    bind(buttonId, config, method) {
      const widget = new Widget(config, method);
      const button = document.getElementById(buttonId) || document.createElement("button");
      button.addEventListener("click", (event) => {
        // The button may stand in a form of the shop's, which is not to be sent.
        event.preventDefault();
        widget.run();
      });
      return widget;
    },
    guid,
    isMobile,
    getBaseUrl: (config) => home || baseOf(config || {}),
  };
})();

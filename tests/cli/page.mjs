// SPDX-License-Identifier: MIT
// The server's page in a browser without a window: asked, streamed, stopped, narrow, dark. The
// browser is driven by its own protocol over two pipes, so nothing has to be fetched.
//   node page.mjs CHROMIUM ECHO-URL SLOW-URL KEY-URL MANY-URL FOLDER-FOR-PICTURES
import { spawn } from "node:child_process";
import { writeFileSync, mkdirSync } from "node:fs";

const [chromium, echo, slow, guarded, many, folder] = process.argv.slice(2);
const fail = (what) => { console.log("FAILED: " + what); process.exitCode = 1; };
const check = (what, got, want) => {
    if (got !== want) fail(`${what}: ${JSON.stringify(got)}, not ${JSON.stringify(want)}`);
};
mkdirSync(folder, { recursive: true });

const browser = spawn(chromium, [
    "--headless=new", "--no-sandbox", "--disable-gpu", "--remote-debugging-pipe", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-dev-shm-usage",
    `--user-data-dir=${folder}/profile`, "about:blank",
], { stdio: ["ignore", "ignore", "ignore", "pipe", "pipe"] });
const waiting = new Map(), requests = [], complaints = [];
let last = 0, rest = "", session;
browser.stdio[4].on("data", (data) => {
    const parts = (rest + data).split("\0");
    rest = parts.pop();
    for (const part of parts) {
        const m = JSON.parse(part);
        if (m.id) {
            const { resolve, reject } = waiting.get(m.id);
            m.error ? reject(new Error(m.error.message)) : resolve(m.result);
        } else if (m.method === "Network.requestWillBeSent") {
            requests.push(m.params.request.url);
        } else if (m.method === "Runtime.exceptionThrown") {
            complaints.push(m.params.exceptionDetails.text);
        } else if (m.method === "Log.entryAdded" && m.params.entry.level === "error") {
            complaints.push(m.params.entry.text);
        }
    }
});
const call = (method, params = {}) => new Promise((resolve, reject) => {
    const id = ++last;
    waiting.set(id, { resolve, reject });
    browser.stdio[3].write(JSON.stringify({ id, method, params, sessionId: session }) + "\0");
});
const run = async (expression) => {
    const got = await call("Runtime.evaluate", { expression, awaitPromise: true, returnByValue: true });
    if (got.exceptionDetails) throw new Error(got.exceptionDetails.exception?.description ?? expression);
    return got.result.value;
};
const until = async (what, expression) => {
    for (let i = 0; i < 200; i++) {
        if (await run(expression)) return true;
        await new Promise((r) => setTimeout(r, 50));
    }
    fail(`never: ${what}`);
    return false;
};
const key = async (name, modifiers = 0) => {
    const text = name === "Enter" ? "\r" : undefined;
    const code = { Enter: 13, Escape: 27, Tab: 9 }[name];
    for (const type of ["keyDown", "keyUp"])
        await call("Input.dispatchKeyEvent", { type, key: name, code: name, modifiers,
            windowsVirtualKeyCode: code, ...(type === "keyDown" && text ? { text } : {}) });
};
const type = (text) => call("Input.insertText", { text });
const picture = async (name) =>
    writeFileSync(`${folder}/${name}.png`, Buffer.from((await call("Page.captureScreenshot")).data, "base64"));
const size = (width, height) =>
    call("Emulation.setDeviceMetricsOverride", { width, height, deviceScaleFactor: 1, mobile: width < 500 });
const colours = (value) =>
    call("Emulation.setEmulatedMedia", { features: [{ name: "prefers-color-scheme", value }] });
const open = async (url) => {
    await call("Page.navigate", { url });
    await until("the page is there", `document.readyState === "complete" && !!document.getElementById("about")?.textContent`);
    await run(`document.getElementById("question").focus()`);
};
const answers = `document.querySelectorAll("article.assistant")`;
const idle = `document.getElementById("stop").hidden`;
const body = `${answers}[${answers}.length - 1].querySelector(".body")`;

try {
    const { targetId } = await call("Target.createTarget", { url: "about:blank" });
    session = (await call("Target.attachToTarget", { targetId, flatten: true })).sessionId;
    for (const domain of ["Page", "Runtime", "Network", "Log"]) await call(`${domain}.enable`);
    await size(1000, 700);
    await colours("light");

    // A question and its answer, with all the Markdown that there is and what must stay text.
    await open(echo);
    check("the title", await run("document.title"), "tester");
    const text = "# One\n\nA **strong** `code <b>` word, <img src=x onerror=alert(1)>\n\n- first\n- second\n\n"
        + "```c\nint main(void)\n{\n    return 0;\n}\n```\n\n| a | b |\n|---|---|\n| 1 | 2 |";
    await type(text);
    await key("Enter");
    await until("an answer", `${answers}.length === 1 && ${idle}`);
    check("a heading", await run(`${body}.querySelector("h3").textContent`), "One");
    check("code", await run(`${body}.querySelector("pre code").textContent`), "int main(void)\n{\n    return 0;\n}");
    check("words of code", await run(`${body}.querySelector("p code").textContent`), "code <b>");
    check("a list", await run(`${body}.querySelectorAll("ul li").length`), 2);
    check("a table", await run(`${body}.querySelector("td").textContent`), "1");
    check("no picture", await run(`${body}.querySelectorAll("img, script, a").length`), 0);
    check("the box is empty", await run(`document.getElementById("question").value`), "");
    check("what is said", await run(`document.getElementById("status").textContent`), "The answer is whole.");
    await picture("answer");
    await key("Enter");
    check("an empty question", await run(`${answers}.length`), 1);

    // A line more, a second turn; the page loaded again has both.
    await type("a");
    await key("Enter", 8);
    check("Shift+Enter", await run(`document.getElementById("question").value`), "a\n");
    await type("naïve 漢字?");
    await key("Enter");
    await until("a second answer", `${answers}.length === 2 && ${idle}`);
    check("the second answer", await run(`${body}.innerText.trim()`), "a\nnaïve 漢字?");
    await call("Page.reload");
    await until("the kept conversation", `${answers}.length === 2`);
    await run(`[...document.querySelectorAll("button")].find((b) => b.textContent === "Again").click()`);
    await until("another answer", `${answers}.length === 2 && ${idle} && ${body}.innerText.includes("漢")`);
    await run(`[...document.querySelectorAll("button")].findLast((b) => b.textContent === "Edit").click()`);
    check("what is edited", await run(`document.getElementById("question").value`), "a\nnaïve 漢字?");
    check("what is left", await run(`${answers}.length`), 1);

    // Narrow and dark: nothing is wider than the screen.
    await size(360, 740);
    await colours("dark");
    check("the width", await run("document.documentElement.scrollWidth"), 360);
    check("dark", await run(`getComputedStyle(document.body).backgroundColor`), "rgb(25, 24, 23)");
    await picture("narrow-dark");
    await run(`document.getElementById("settings-open").click()`);
    check("the settings", await run(`document.getElementById("settings").open`), true);
    await picture("settings");
    await run(`document.querySelector("[name=theme]").value = "light";
        document.querySelector("[name=theme]").dispatchEvent(new Event("change"))`);
    check("light", await run(`getComputedStyle(document.body).backgroundColor`), "rgb(251, 250, 248)");
    await run(`document.querySelector("[name=max_tokens]").value = 3`);
    await key("Escape");
    await run(`document.getElementById("question").value = ""; document.getElementById("new").click()`);
    check("a new chat", await run(`${answers}.length`), 0);
    await type("abcdefgh");
    await key("Enter");
    await until("a short answer", `${answers}.length === 1 && ${idle}`);
    check("a limit", await run(`${body}.textContent`), "abc");
    check("its word", await run(`document.querySelector(".facts").textContent.includes("limit")`), true);

    // Each thing that can be touched has a name.
    check("names", await run(`[...document.querySelectorAll("button, input, select, textarea")].filter((e) =>
        !(e.textContent.trim() || e.labels?.length)).length`), 0);

    // A stream that goes on, and is stopped by a key.
    await size(1000, 700);
    await open(slow);
    await type("hello");
    await key("Enter");
    await until("text before the end", `!${idle} && ${answers}.length === 1 && ${body}?.textContent.length > 3`);
    await picture("streaming");
    await key("Escape");
    await until("the stop", idle);
    check("its word", await run(`document.querySelector(".facts").textContent`), "stopped");
    await until("the place is free", `fetch("health").then((r) => r.json()).then((h) => h.active === 0)`);

    // Several models, of which one is chosen.
    await open(many);
    await until("the models", `document.querySelectorAll("#models option").length === 2`);
    await run(`document.getElementById("settings-open").click()`);
    check("the choice is there", await run(`document.getElementById("models").checkVisibility()`), true);
    await run(`document.querySelector("#models select").value = "muses"`);
    await run(`document.querySelector("#settings .buttons button").click()`);
    await until("its name", `document.title === "muses"`);
    await run(`document.getElementById("question").focus()`);
    await type("hello");
    await key("Enter");
    await until("its answer", `${answers}.length === 1 && ${idle} && ${body}?.textContent === "yes"`);

    // A key that is wanted.
    check("complaints", complaints.join("; "), "");
    await open(guarded);
    await until("the question for a key", `document.getElementById("settings").open`);
    await type("right");
    await key("Enter");
    await until("the model's name", `document.title === "tester"`);

    const origins = new Set(requests.map((r) => new URL(r).origin).filter((o) => o !== "null"));
    for (const url of [echo, slow, guarded, many]) origins.delete(new URL(url).origin);
    check("other origins", [...origins].join(), "");
} catch (error) {
    fail(error.stack);
} finally {
    browser.kill();
}

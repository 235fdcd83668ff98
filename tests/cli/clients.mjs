// SPDX-License-Identifier: MIT
// What the official clients see of the server; serve_clients.sh runs it.
import OpenAI from "openai";
import Anthropic from "@anthropic-ai/sdk";
const url = process.argv[2];
const fail = (what) => { console.log("FAILED: " + what); process.exitCode = 1; };
const check = (what, got, want) => { if (got !== want) fail(`${what}: '${got}', not '${want}'`); };
const messages = [{ role: "user", content: "naïve?" }];
const openai = new OpenAI({ baseURL: url + "/v1", apiKey: "none" });
const whole = await openai.chat.completions.create({ model: "x", messages });
check("chat", whole.choices[0].message.content, "naïve?");
let text = "", usage;
for await (const chunk of await openai.chat.completions.create(
    { model: "x", messages, stream: true, stream_options: { include_usage: true } })) {
    text += chunk.choices[0]?.delta.content ?? "";
    usage = chunk.usage ?? usage;
}
check("a chat's stream", text, "naïve?");
check("its usage", usage.prompt_tokens, 8);
check("a text", (await openai.completions.create({ model: "x", prompt: "once" })).choices[0].text, "once");
check("the models", (await openai.models.list()).data[0].object, "model");
check("a response", (await openai.responses.create({ model: "x", input: "hey" })).output_text, "hey");
const stream = openai.responses.stream({ model: "x", input: "hey" });
check("a response's stream", (await stream.finalResponse()).output_text, "hey");
await openai.chat.completions.create({ model: "x", messages, temperature: -1 }).then(
    () => fail("a wrong temperature is taken"),
    (e) => { check("an error", e.status, 400); check("its field", e.param, "temperature"); });
const anthropic = new Anthropic({ baseURL: url, apiKey: "none" });
const message = await anthropic.messages.create({ model: "x", max_tokens: 99, messages });
check("a message", message.content[0].text, "naïve?");
check("its end", message.stop_reason, "end_turn");
const told = anthropic.messages.stream({ model: "x", max_tokens: 99, messages });
check("a message's stream", await told.finalText(), "naïve?");
check("the tokens", (await anthropic.messages.countTokens({ model: "x", messages })).input_tokens, 8);
await anthropic.messages.create({ model: "x", max_tokens: 0, messages }).then(
    () => fail("a limit of 0 is taken"),
    (e) => { check("an error", e.status, 400); check("its type", e.error.error.type, "invalid_request_error"); });

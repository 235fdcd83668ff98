// SPDX-License-Identifier: MIT
// Tool round trips of the official clients over a model that answers what stands between [[ and ]];
// serve_clients.sh runs it.
import OpenAI from "openai";
import Anthropic from "@anthropic-ai/sdk";
const url = process.argv[2];
const fail = (what) => { console.log("FAILED: " + what); process.exitCode = 1; };
const check = (what, got, want) => { if (got !== want) fail(`${what}: '${got}', not '${want}'`); };
const call = '<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>weather<｜tool▁sep｜>{"town": "Bonn"}<｜tool▁call▁end｜>';
const asked = `[[so</think>Well:${call}]]`, told = "rain [[It rains.]]";
const parameters = { type: "object", properties: { town: { type: "string" } }, required: ["town"] };
const openai = new OpenAI({ baseURL: url + "/v1", apiKey: "none" });

// chat completions, whole and as a stream
const tools = [{ type: "function", function: { name: "weather", parameters } }];
const messages = [{ role: "user", content: asked }];
const first = (await openai.chat.completions.create(
    { model: "x", messages, tools, reasoning_effort: "high" })).choices[0];
check("the end", first.finish_reason, "tool_calls");
check("the reasoning", first.message.reasoning_content, "so");
check("the arguments", first.message.tool_calls[0].function.arguments, '{"town": "Bonn"}');
const stream = openai.chat.completions.stream({ model: "x", messages, tools, reasoning_effort: "high" });
const final = (await stream.finalChatCompletion()).choices[0];
check("a stream's call", final.message.tool_calls[0].function.arguments, '{"town": "Bonn"}');
check("a stream's text", final.message.content, "Well:");
const second = await openai.chat.completions.create({ model: "x", tools, messages:
    [...messages, first.message, { role: "tool", tool_call_id: first.message.tool_calls[0].id, content: told }] });
check("the answer", second.choices[0].message.content, "It rains.");

// responses
const flat = [{ type: "function", name: "weather", parameters, strict: false }];
const input = [{ role: "user", content: asked }];
const response = await openai.responses.stream({ model: "x", input, tools: flat, reasoning: { effort: "high" } })
    .finalResponse();
check("the items", response.output.map((item) => item.type).join(), "reasoning,message,function_call");
const item = response.output[2];
check("its arguments", item.arguments, '{"town": "Bonn"}');
const next = await openai.responses.create({ model: "x", tools: flat, input:
    [...input, ...response.output, { type: "function_call_output", call_id: item.call_id, output: told }] });
check("its answer", next.output_text, "It rains.");

// messages
const anthropic = new Anthropic({ baseURL: url, apiKey: "none" });
const named = [{ name: "weather", input_schema: parameters }];
const options = { model: "x", max_tokens: 2000, tools: named, thinking: { type: "enabled", budget_tokens: 1024 } };
for (const get of [(m) => anthropic.messages.create(m), (m) => anthropic.messages.stream(m).finalMessage()]) {
    const message = await get({ ...options, messages: [{ role: "user", content: asked }] });
    check("the blocks", message.content.map((block) => block.type).join(), "thinking,text,tool_use");
    check("the reason", message.stop_reason, "tool_use");
    check("the town", message.content[2].input.town, "Bonn");
    const answer = await get({ ...options, messages: [{ role: "user", content: asked },
        { role: "assistant", content: message.content },
        { role: "user", content: [{ type: "tool_result", tool_use_id: message.content[2].id, content: told }] }] });
    check("a message's answer", answer.content.at(-1).text, "It rains.");
}

// SPDX-License-Identifier: MIT
// Requests to the server that the page comes from.

function headers(key) {
    const all = { 'Content-Type': 'application/json' };
    if (key)
        all.Authorization = `Bearer ${key}`;
    return all;
}

// What the server says went wrong, in its own sentence.
async function failure(reply) {
    let message = `The server answered with status ${reply.status}.`;
    try {
        message = (await reply.json()).error.message || message;
    } catch {
        // no JSON: the status has to do
    }
    const error = new Error(message);
    error.status = reply.status;
    return error;
}

export async function get(path, key) {
    const reply = await fetch(path, { headers: headers(key) });
    if (!reply.ok)
        throw await failure(reply);
    return reply.json();
}

// Hands each event of a chat completion to `take`. `signal` aborts it.
export async function chat(request, key, signal, take) {
    const reply = await fetch('v1/chat/completions', {
        method: 'POST', headers: headers(key), signal,
        body: JSON.stringify({ ...request, stream: true, stream_options: { include_usage: true } }),
    });
    if (!reply.ok)
        throw await failure(reply);
    const reader = reply.body.pipeThrough(new TextDecoderStream()).getReader();
    let rest = '', ended = false;
    for (;;) {
        const { value, done } = await reader.read();
        if (done)
            break;
        const lines = (rest + value).split('\n');
        rest = lines.pop();
        for (const line of lines) {
            if (!line.startsWith('data:'))
                continue;
            const data = line.slice(5).trim();
            if (data === '[DONE]') {
                ended = true;
                continue;
            }
            const event = JSON.parse(data);
            if (event.error)
                throw new Error(event.error.message);
            take(event);
        }
    }
    if (!ended)
        throw new Error('The connection ended before the answer did.');
}

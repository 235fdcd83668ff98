// SPDX-License-Identifier: MIT
// A conversation with the model of the server that this page comes from. It is kept in the tab's
// session storage, so that loading the page again loses nothing and closing the tab leaves nothing.

import { chat, get } from './stream.js';
import { render } from './text.js';

const $ = (id) => document.getElementById(id);
const log = $('log'), question = $('question'), settings = $('settings').querySelector('form');

let messages = []; // {role, content, reasoning, facts, error}
let answering = null; // an AbortController
let chosen = ''; // the model, before it is known which there are

// ---- what is kept ----

function keep() {
    try {
        sessionStorage.setItem('messages', JSON.stringify(messages));
        sessionStorage.setItem('settings', JSON.stringify(Object.fromEntries(new FormData(settings))));
    } catch {
        // full, or forbidden: the page works without
    }
}

function bring() {
    try {
        const kept = JSON.parse(sessionStorage.getItem('settings') || '{}');
        chosen = kept.model ?? '';
        for (const [name, value] of Object.entries(kept))
            settings.elements[name].value = value;
        messages = JSON.parse(sessionStorage.getItem('messages') || '[]');
    } catch {
        messages = [];
    }
}

const setting = (name) => settings.elements[name].value.trim();

// ---- what is seen ----

const say = (text) => { $('status').textContent = text; };

function button(text, act) {
    const b = document.createElement('button');
    b.type = 'button';
    b.textContent = text;
    b.addEventListener('click', act);
    return b;
}

function part(article, name, kind) {
    let e = article.querySelector(`.${kind}`);
    if (!e) {
        e = document.createElement(name);
        e.className = kind;
        article.append(e);
    }
    return e;
}

function showThoughts(article, message, ended) {
    let details = article.querySelector('details');
    if (!details) {
        details = document.createElement('details');
        details.append(document.createElement('summary'), document.createElement('div'));
        details.lastChild.className = 'thoughts';
        article.querySelector('h2').after(details);
    }
    details.firstChild.textContent = ended || message.content ? 'Thoughts' : 'Thinking…';
    details.lastChild.textContent = message.reasoning.trim();
}

function showButtons(article, message) {
    const row = part(article, 'p', 'buttons');
    const last = message === messages.at(-1);
    row.replaceChildren();
    if (message.content)
        row.append(button('Copy', () => navigator.clipboard.writeText(message.content)
            .then(() => say('Copied.'), () => say('The browser does not allow copying here.'))));
    if (last && message.role === 'assistant')
        row.append(button('Again', again));
    if (message.role === 'user')
        row.append(button('Edit', () => edit(message)));
    if (message.facts) {
        const facts = document.createElement('span');
        facts.className = 'facts';
        facts.textContent = message.facts;
        row.append(facts);
    }
}

function show(article, message, ended) {
    if (message.reasoning)
        showThoughts(article, message, ended);
    const body = part(article, 'div', 'body');
    if (message.role === 'user')
        body.textContent = message.content;
    else
        render(body, message.content);
    if (message.error)
        part(article, 'p', 'error').textContent = message.error;
    if (ended)
        showButtons(article, message);
}

function add(message, ended) {
    const article = document.createElement('article');
    const heading = document.createElement('h2');
    article.className = message.role;
    heading.textContent = message.role === 'user' ? 'You' : 'Model';
    article.append(heading);
    show(article, message, ended);
    log.append(article);
    return article;
}

function showAll() {
    for (const article of log.querySelectorAll('article'))
        article.remove();
    $('empty').hidden = messages.length > 0;
    for (const message of messages)
        add(message, true);
    log.scrollTop = log.scrollHeight;
}

// Follows the text while the reader is at its end, and leaves him alone elsewhere.
function following(change) {
    const follows = log.scrollHeight - log.scrollTop - log.clientHeight < 40;
    change();
    if (follows)
        log.scrollTop = log.scrollHeight;
}

function busy(controller) {
    answering = controller;
    $('send').hidden = controller !== null;
    $('stop').hidden = controller === null;
    log.setAttribute('aria-busy', String(controller !== null));
}

// ---- what is asked ----

function request() {
    const all = { messages: [] };
    if (setting('system'))
        all.messages.push({ role: 'system', content: setting('system') });
    messages.forEach((m, i) => { // a question that had no answer is none of the model's business
        const unanswered = messages[i + 1] && !messages[i + 1].content;
        if (m.role === 'user' ? !unanswered : m.content)
            all.messages.push({ role: m.role, content: m.content });
    });
    for (const name of ['temperature', 'top_p', 'max_tokens', 'seed'])
        if (setting(name) !== '')
            all[name] = Number(setting(name));
    if (!$('models').hidden)
        all.model = setting('model');
    if (setting('think'))
        all.chat_template_kwargs = { enable_thinking: setting('think') === 'on' };
    return all;
}

function facts(usage, timings, reason) {
    const found = [];
    if (usage)
        found.push(`${usage.completion_tokens} tokens`);
    if (timings?.predicted_per_second)
        found.push(`${timings.predicted_per_second.toFixed(1)} a second`);
    if (reason === 'length')
        found.push('cut off by a limit');
    return found.join(', ');
}

async function answer() {
    const controller = new AbortController();
    const asked = request();
    const message = { role: 'assistant', content: '', reasoning: '' };
    let reason, drawn = false;
    messages.push(message);
    const article = add(message, false);
    log.scrollTop = log.scrollHeight;
    busy(controller);
    say('The model answers.');
    const draw = () => { drawn = false; following(() => show(article, message, false)); };
    try {
        await chat(asked, setting('key'), controller.signal, (event) => {
            const choice = event.choices?.[0];
            message.content += choice?.delta?.content || '';
            message.reasoning += choice?.delta?.reasoning_content || '';
            reason = choice?.finish_reason || reason;
            if (event.usage || event.timings)
                message.facts = facts(event.usage, event.timings, reason);
            if (!drawn) {
                drawn = true;
                requestAnimationFrame(draw);
            }
        });
        say('The answer is whole.');
    } catch (error) {
        if (error.name === 'AbortError') {
            message.facts = 'stopped';
            say('Stopped.');
        } else {
            message.error = error.message;
            say(error.message);
            if (error.status === 401)
                openSettings('key');
        }
    }
    busy(null);
    following(() => show(article, message, true));
    keep();
}

function ask() {
    const text = question.value;
    if (answering || !text.trim())
        return;
    messages.push({ role: 'user', content: text });
    question.value = '';
    grow();
    showAll();
    keep();
    answer();
}

function again() {
    if (answering)
        return;
    messages.pop();
    showAll();
    answer();
}

function edit(message) {
    if (answering)
        return;
    messages.length = messages.indexOf(message);
    question.value = message.content;
    showAll();
    keep();
    grow();
    question.focus();
}

// ---- what is touched ----

function grow() {
    question.style.height = 'auto';
    question.style.height = `${question.scrollHeight + 2}px`;
}

function openSettings(name) {
    $('settings').showModal();
    if (name)
        settings.elements[name].focus();
}

function dress() {
    document.documentElement.dataset.theme = setting('theme');
}

// Of a server with several models.
function offer(models) {
    const select = settings.elements.model;
    chosen = setting('model') || chosen;
    select.replaceChildren(...models.map((m) => new Option(m.id, m.id, false, m.id === chosen)));
    $('models').hidden = models.length < 2;
}

async function meet() {
    try {
        offer((await get('v1/models', setting('key'))).data);
        const which = $('models').hidden ? '' : `?model=${encodeURIComponent(setting('model'))}`;
        const props = await get(`props${which}`, setting('key'));
        $('model').textContent = document.title = props.model_alias;
        $('about').textContent = `${props.model_alias}, ${props.architecture}; chat format `
            + `${props.chat_format}; context of ${props.default_generation_settings.n_ctx} tokens; `
            + `ds-vk ${props.build_info}.`;
    } catch (error) {
        $('about').textContent = error.message;
        if (error.status === 401)
            openSettings('key');
    }
}

$('ask').addEventListener('submit', (event) => { event.preventDefault(); ask(); });
$('stop').addEventListener('click', () => answering?.abort());
$('new').addEventListener('click', () => {
    answering?.abort();
    messages = [];
    showAll();
    keep();
    question.focus();
});
$('settings-open').addEventListener('click', () => openSettings());
$('settings').addEventListener('close', () => { keep(); dress(); meet(); });
settings.elements.theme.addEventListener('change', dress);
question.addEventListener('input', grow);
question.addEventListener('keydown', (event) => {
    // A key that ends the composition of a sign is no wish to send.
    if (event.key === 'Enter' && !event.shiftKey && !event.isComposing) {
        event.preventDefault();
        ask();
    }
});
document.addEventListener('keydown', (event) => {
    if (event.key === 'Escape' && answering && !$('settings').open)
        answering.abort();
});

bring();
dress();
showAll();
meet();

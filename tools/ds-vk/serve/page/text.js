// SPDX-License-Identifier: MIT
// The little Markdown that models write becomes elements. Text is only ever set as text, so nothing
// that a model says can become part of the page; links are shown and not made.

function element(name, text) {
    const e = document.createElement(name);
    if (text !== undefined)
        e.textContent = text;
    return e;
}

const marks = /(`+)(.+?)\1(?!`)|\*\*(?=\S)(.+?)\*\*|\*(?=[^\s*])(.+?)\*/;

function words(into, text) {
    for (let m; (m = marks.exec(text)); text = text.slice(m.index + m[0].length)) {
        into.append(text.slice(0, m.index));
        if (m[1]) {
            into.append(element('code', m[2]));
        } else {
            const inner = element(m[3] ? 'strong' : 'em');
            words(inner, m[3] || m[4]);
            into.append(inner);
        }
    }
    into.append(text);
}

function block(into, name, text) {
    const e = element(name);
    words(e, text);
    into.append(e);
}

function fence(into, lines, i) {
    const mark = /^\s*(`{3,}|~{3,})/.exec(lines[i])[1];
    let end = i + 1;
    while (end < lines.length && !lines[end].trim().startsWith(mark))
        end++;
    const pre = element('pre');
    pre.tabIndex = 0; // so that a keyboard can scroll it
    pre.append(element('code', lines.slice(i + 1, end).join('\n')));
    into.append(pre);
    return end + 1;
}

const item = /^\s*(?:[-*+]|(\d+)[.)])\s+(.*)$/;

function list(into, lines, i) {
    const first = item.exec(lines[i]);
    const e = element(first[1] ? 'ol' : 'ul');
    if (first[1])
        e.start = Number(first[1]);
    for (let m; i < lines.length && (m = item.exec(lines[i])) && !m[1] === !first[1]; i++)
        block(e, 'li', m[2]);
    into.append(e);
    return i;
}

function cells(line) {
    return line.trim().replace(/^\||\|$/g, '').split('|').map((cell) => cell.trim());
}

const rule = /^\s*\|?\s*:?-+:?\s*(\|\s*:?-+:?\s*)*\|?\s*$/;

function table(into, lines, i) {
    const e = element('table');
    for (let row = 0; i < lines.length && lines[i].includes('|'); i++, row++) {
        if (row === 1)
            continue;
        const tr = element('tr');
        for (const cell of cells(lines[i]))
            block(tr, row ? 'td' : 'th', cell);
        e.append(tr);
    }
    into.append(e);
    return i;
}

function paragraph(into, lines, i) {
    const e = element('p');
    const begins = i;
    for (; i < lines.length && lines[i].trim(); i++) {
        if (i > begins) {
            if (/^\s*(`{3,}|~{3,})/.test(lines[i]) || item.test(lines[i]) || /^#{1,6}\s/.test(lines[i]))
                break;
            e.append(element('br'));
        }
        words(e, lines[i]);
    }
    into.append(e);
    return i;
}

export function render(into, text) {
    const lines = text.split('\n');
    into.replaceChildren();
    for (let i = 0; i < lines.length;) {
        const line = lines[i];
        if (!line.trim()) {
            i++;
        } else if (/^\s*(`{3,}|~{3,})/.test(line)) {
            i = fence(into, lines, i);
        } else if (/^#{1,6}\s/.test(line)) {
            block(into, 'h3', line.replace(/^#+\s+/, ''));
            i++;
        } else if (/^\s*([-*_])(\s*\1){2,}\s*$/.test(line)) {
            into.append(element('hr'));
            i++;
        } else if (line.startsWith('>')) {
            let end = i;
            while (end < lines.length && lines[end].startsWith('>'))
                end++;
            block(into, 'blockquote', lines.slice(i, end).map((l) => l.slice(1).trim()).join('\n'));
            i = end;
        } else if (item.test(line)) {
            i = list(into, lines, i);
        } else if (line.includes('|') && i + 1 < lines.length && rule.test(lines[i + 1])) {
            i = table(into, lines, i);
        } else {
            i = paragraph(into, lines, i);
        }
    }
}

// prices.mjs writes data/genai-prices.txt and testdata/golden.tsv from the npm
// package @pydantic/genai-prices (MIT, see NOTICE). It fetches the package into
// a temporary directory and leaves nothing of it in the tree. It needs node
// (20 or later), npm and tar:
//
//	go generate ./llm/price
//	node llm/price/gen/prices.mjs --all >all.tsv   # every model: go test ./llm/price -run Golden -golden all.tsv
//
// To update, change the three constants; the digest is of the packed tarball.
// Only facts are taken: ids, matchers, prices and dates.

import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'

const VERSION = '0.1.8'
const PUBLISHED = '2026-09-23'
const TARBALL_SHA256 = '8c9ba41e46719abc54a0ae4756ba5f2b5a768b8117fb29f40c5ca7ed3146eb5b'

// What the source has and this book has not, with the reason.
const DROP = {
  'openai/gpt-oss-120b': 'open weights that OpenAI does not sell: a server of your own would be priced',
  'openai/gpt-oss-20b': 'as above',
  'openai/gpt-oss-safeguard-20b': 'as above',
}
// Entries without a price that are free by the provider's own word; the source
// says so in its comments. Elsewhere an entry without a price is unpriced.
const FREE = new Set(['openai/moderation', 'google/gemma-4-26b-a4b-it', 'google/gemma-4-31b-it',
  'github-copilot/gpt-3.5-turbo', 'github-copilot/gpt-4.1', 'github-copilot/gpt-4o', 'github-copilot/gpt-4o-mini'])

// The units that llm.Usage can count, and the one that tells that it cannot.
// Prices are USD per million tokens, but for requests: USD per thousand.
const UNITS = {
  input_mtok: 'in', cache_read_mtok: 'read', cache_write_mtok: 'write', output_mtok: 'out',
  output_reasoning_mtok: 'reasoning', input_audio_mtok: 'audio-in', cache_audio_read_mtok: 'audio-read',
  input_image_mtok: 'image-in', cache_image_read_mtok: 'image-read', output_audio_mtok: 'audio-out',
  output_image_mtok: 'image-out', requests_kcount: 'request',
}

const isFree = (p, m) => m.id.endsWith(':free') || FREE.has(`${p.id}/${m.id}`)
const priceSets = (m) => (Array.isArray(m.prices) ? m.prices : [{ prices: m.prices }])
const isTuned = (name) => name.startsWith('ft:') || name.includes(':ft-') || name.includes('.ft-')

async function load() {
  const dir = mkdtempSync(join(tmpdir(), 'genai-prices-'))
  try {
    execFileSync('npm', ['pack', '--silent', `@pydantic/genai-prices@${VERSION}`], { cwd: dir })
    const tarball = readdirSync(dir).find((f) => f.endsWith('.tgz'))
    const sum = createHash('sha256').update(readFileSync(join(dir, tarball))).digest('hex')
    if (sum !== TARBALL_SHA256) throw new Error(`tarball has sha256 ${sum}`)
    execFileSync('tar', ['xzf', tarball], { cwd: dir })
    const module = await import(pathToFileURL(join(dir, 'package/dist/index.js')))
    return { calcPrice: module.calcPrice, providers: await module.waitForUpdate() }
  } finally {
    rmSync(dir, { recursive: true })
  }
}

// alternatives turns a matcher tree into a disjunction of conjunctions of atoms.
function alternatives(tree, id) {
  if (tree.or) return tree.or.flatMap((t) => alternatives(t, id))
  if (tree.and) {
    return tree.and.reduce((acc, t) => {
      const right = alternatives(t, id)
      return acc.flatMap((a) => right.map((b) => [...a, ...b]))
    }, [[]])
  }
  const [[op, raw]] = Object.entries(tree)
  if (op === 'regex') return [[regex(raw)]]
  const text = raw.toLowerCase()
  if (!text || /[\s*&/!=]/.test(text[0]) || /[\s*&]/.test(text)) throw new Error(`cannot write matcher ${raw}`)
  switch (op) {
    case 'equals': return [[text === id.toLowerCase() ? '=' : text]]
    case 'starts_with': return [[text + '*']]
    case 'ends_with': return [['*' + text]]
    case 'contains': return [['*' + text + '*']]
  }
  throw new Error(`unknown matcher ${op}`)
}

// regex writes a pattern in the dialect that Go has: no look-ahead, but an atom
// may be negated. Names are compared in lower case.
function regex(source) {
  const ahead = /^\^\(\?!\.\*(.*)\)$/.exec(source)
  const body = (ahead ? ahead[1] : source).replaceAll(/\[([a-zA-Z])([a-zA-Z])\]/g,
    (all, a, b) => (a.toLowerCase() === b.toLowerCase() ? a.toLowerCase() : all))
  if (/\(\?[=!<]|[\s&]/.test(body)) throw new Error(`cannot write regex ${source}`)
  return (ahead ? '!' : '') + `/${body}/`
}

function priceText(unit, value) {
  const one = (v) => String(unit === 'request' ? v / 1000 : v)
  if (typeof value === 'number') return one(value)
  const tiers = [...value.tiers].sort((a, b) => a.start - b.start)
  return one(value.base) + tiers.map((t) => `>${t.start}:${one(t.price)}`).join('')
}

function setLine(set, free) {
  const words = []
  const c = set.constraint
  if (c?.type === 'start_date') words.push(`from=${c.start_date}`)
  else if (c) words.push(`at=${[c.start_time, c.end_time].map((t) => t.replace(/(:00)?Z$/, '')).join('-')}`)
  const prices = Object.entries(UNITS).filter(([key]) => set.prices[key] !== undefined)
    .map(([key, unit]) => `${unit}=${priceText(unit, set.prices[key])}`)
  if (prices.length) words.push(...prices)
  else words.push(...(free && !Object.keys(set.prices).length ? ['in=0', 'out=0'] : ['unpriced']))
  return ' ' + words.join(' ')
}

function bookText(providers) {
  const out = []
  for (const p of [...providers].sort((a, b) => (a.id < b.id ? -1 : 1))) {
    out.push(`[${p.id}]`)
    if (p.fallback_model_providers) out.push(`fallback: ${p.fallback_model_providers.join(' ')}`)
    for (const m of p.models) {
      if (DROP[`${p.id}/${m.id}`]) continue
      // A fine-tuned model is never sold at the price of its base.
      const match = alternatives(m.match, m.id).map((and) => and.join('&'))
        .filter((a) => isTuned(a) === isTuned(m.id) || a === '=')
      const words = [...new Set(match)]
      out.push(words.length === 1 && words[0] === '=' ? m.id : `${m.id} ${words.join(' ')}`)
      for (const set of priceSets(m)) out.push(setLine(set, isFree(p, m)))
    }
  }
  const body = out.join('\n') + '\n'
  return `# Generated by gen/prices.mjs, do not edit. Facts from the npm package
# @pydantic/genai-prices, Copyright (c) Pydantic Services Inc. 2025 to present,
# MIT License, see NOTICE.
book: @pydantic/genai-prices@${VERSION}
date: ${PUBLISHED}
source: npm tarball sha256 ${TARBALL_SHA256}
sha256: ${createHash('sha256').update(body).digest('hex')}

${body}`
}

// usages are the counts of a call: input, output, cache read, cache write,
// reasoning, audio input, audio output, image input. The larger ones cross every
// tier.
const usages = [
  [1000, 500, 0, 0, 0, 0, 0, 0], [1_000_000, 100_000, 0, 0, 0, 0, 0, 0], [4740, 255, 1000, 3000, 0, 0, 0, 0],
  [271_999, 1, 271_999, 0, 0, 0, 0, 0], [272_000, 77, 1, 1, 0, 0, 0, 0], [300_001, 12_345, 100_000, 100_001, 999, 0, 0, 0],
  [128_001, 3, 64_000, 0, 1, 0, 0, 0], [777, 333, 700, 0, 111, 300, 0, 0], [5000, 4000, 0, 0, 0, 5000, 3999, 0],
  [200_000, 200_001, 1, 0, 200_000, 0, 0, 0], [200_001, 7, 0, 200_001, 0, 0, 0, 0], [3, 0, 0, 0, 0, 0, 0, 0],
]
const pictures = [[3500, 1056, 0, 0, 0, 0, 0, 3210], [3500, 1056, 1234, 0, 0, 0, 0, 3210], [900, 0, 100, 0, 0, 0, 0, 300]]
const times = ['2024-01-01T00:00:00Z', '2025-06-09T23:59:59Z', '2025-06-10T00:00:00Z', '2026-02-01T16:29:59Z',
  '2026-02-01T16:30:00Z', '2026-02-02T00:29:59Z', '2026-02-02T00:30:00Z', '2026-07-29T23:59:59Z', '2026-07-30T00:00:00Z',
  '2026-08-20T01:00:00Z', '2026-08-21T04:00:00Z', '2026-08-21T06:00:00Z', '2026-11-21T09:59:59Z', '2027-01-01T10:00:00Z']

// names gives names that m should match, and nearMisses some that it should not.
function names(m) {
  const walk = (t) => (t.or ?? t.and)?.flatMap(walk) ?? Object.entries(t).flatMap(([op, v]) => {
    if (op === 'equals') return [v]
    if (op === 'starts_with') return [v, v + '-x1']
    if (op === 'ends_with') return ['x/' + v]
    if (op === 'contains') return ['a-' + v + '-b']
    return []
  })
  return [...new Set(walk(m.match).flatMap((v) => [v, v.toUpperCase()]))]
}

const nearMisses = (m) => [m.id + '-20260131', m.id + '-preview-zz', 'x' + m.id, 'ft:' + m.id + ':org::1']

const odd = (v) => (typeof v === 'number' ? [v] : [v.base, ...v.tiers.map((t) => t.price)])
  .some((x) => !Number.isInteger(Number((x * 1e6).toFixed(6))))

// golden has the source itself price a call. A dash is what this book does not
// price: what the source does not know, and what it counts as 0 for want of a
// price. Where a rate is no whole number of pico-USD, nothing is written.
function golden(calc, p, name, time, u) {
  const [input, output, read, write, reasoning, audioIn, audioOut, imageIn] = u
  const both = Math.max(0, audioIn + imageIn + read + write - input)
  const audioRead = Math.min(both, audioIn, read)
  const result = calc({
    input_tokens: input, output_tokens: output, cache_read_tokens: read, cache_write_tokens: write,
    output_reasoning_tokens: reasoning, input_audio_tokens: audioIn, output_audio_tokens: audioOut,
    cache_audio_read_tokens: audioRead, input_image_tokens: imageIn, cache_image_read_tokens: Math.min(both, read) - audioRead,
  }, name, { providerId: p.id, timestamp: new Date(time) })
  let total = '-'
  if (result) {
    const { model, model_price: price, provider } = result
    if (Object.values(price).some(odd)) return null
    const free = !Object.keys(price).length && isFree(provider, model)
    const known = free || ((!input || price.input_mtok !== undefined) && (!output || price.output_mtok !== undefined))
    if (known && !DROP[`${provider.id}/${model.id}`] && isTuned(name.toLowerCase()) === isTuned(model.id)) {
      total = result.total_price.toFixed(12).replace(/\.?0+$/, '')
    }
  }
  return [p.id, name, time, ...u, total].join('\t')
}

function goldenLines(calc, providers, all) {
  const lines = []
  let n = 0
  const add = (p, name, times, usages) => {
    for (const t of times) for (const u of usages) {
      const line = golden(calc, p, name, t, u)
      if (line) lines.push(line)
    }
  }
  for (const p of providers) {
    for (const [i, m] of p.models.entries()) {
      const list = all ? [...names(m), ...nearMisses(m)] : i % 9 === 8 ? nearMisses(m) : names(m)
      if (!list.length) continue
      const pick = (from, k) => [from[n++ % from.length], from[(n + k) % from.length]]
      const text = JSON.stringify(m.prices)
      if (/input_image/.test(text)) add(p, list[0], [times[12]], pictures)
      if (all) for (const name of list) add(p, name, pick(times, 5), usages)
      else if (/constraint|_time/.test(text)) add(p, list[n % list.length], times.slice(1), [usages[n++ % usages.length]])
      else if (/tiers|audio|reasoning|requests/.test(text)) add(p, list[n % list.length], [times[n % times.length]], pick(usages, 6))
      else if (['openai', 'azure'].includes(p.id) || i % 8 === 0) {
        add(p, list[n % list.length], [times[n % times.length]], [usages[n++ % usages.length]])
      }
    }
  }
  return ['# provider model time input output read write reasoning audio-in audio-out image-in USD; by gen/prices.mjs', ...lines].join('\n') + '\n'
}

const { calcPrice, providers } = await load()
if (process.argv.includes('--all')) {
  process.stdout.write(goldenLines(calcPrice, providers, true))
} else {
  const here = new URL('..', import.meta.url)
  writeFileSync(new URL('data/genai-prices.txt', here), bookText(providers))
  writeFileSync(new URL('testdata/golden.tsv', here), goldenLines(calcPrice, providers, false))
}

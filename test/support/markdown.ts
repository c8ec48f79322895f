import { posix } from 'node:path'
import type { SourceFile } from './source-tree.ts'

/** A fenced block. `words` is what stands behind the opening fence; `line` is that fence's line. */
export interface Block {
  readonly words: readonly string[]
  readonly code: string
  readonly line: number
}

/** A code block, and the output that the next block promises, if that is marked `text output`. */
export interface Snippet extends Block {
  readonly output?: string
}

const fence = /^```([^\n`]*)\n(.*?)^```[ \t]*$/gms

/** Finds the fenced blocks of a document. */
export function blocksOf(text: string): readonly Block[] {
  return [...text.matchAll(fence)].map((match) => ({
    words: (match[1] ?? '').trim().split(/\s+/),
    code: match[2] ?? '',
    line: text.slice(0, match.index).split('\n').length,
  }))
}

/** Finds the TypeScript and JavaScript blocks of a document, each with the output promised for it. */
export function snippetsOf(text: string): readonly Snippet[] {
  const blocks = blocksOf(text)
  return blocks.flatMap((block, index) => {
    if (!['ts', 'js'].includes(block.words[0] ?? '')) return []
    const next = blocks[index + 1]
    return [next?.words.join(' ') === 'text output' ? { ...block, output: next.code } : block]
  })
}

/** Names relative links that lead nowhere. `read` returns the text of a file, or undefined if there is none. */
export function brokenLinks(
  files: readonly SourceFile[],
  read: (path: string) => string | undefined,
): readonly string[] {
  return files.flatMap((file) =>
    linksOf(file.text)
      .filter((link) => !/^[a-z]+:/.test(link))
      .filter((link) => !leadsSomewhere(file, link, read))
      .map((link) => `${file.path}: ${link}`),
  )
}

function leadsSomewhere(file: SourceFile, link: string, read: (path: string) => string | undefined): boolean {
  const [path = '', anchor] = link.split('#')
  const target = path === '' ? file.path : posix.join(posix.dirname(file.path), path)
  const text = path === '' ? file.text : read(target)
  if (text === undefined) return false
  return anchor === undefined || !target.endsWith('.md') || anchorsOf(text).has(anchor)
}

function linksOf(text: string): readonly string[] {
  const prose = text.replaceAll(fence, '').replaceAll(/`[^`\n]*`/g, '')
  return [...prose.matchAll(/\]\(<?([^)\s>]+)>?(?:\s+"[^"]*")?\)/g)].map((match) => match[1] ?? '')
}

/** The anchors a reader can jump to: GitHub's spelling of the headings, and ids given by hand. */
function anchorsOf(text: string): ReadonlySet<string> {
  const anchors = new Set<string>()
  for (const [, heading = ''] of text.replaceAll(fence, '').matchAll(/^#{1,6}\s+(.+?)\s*#*$/gm)) {
    const visible = heading.replaceAll(/\[([^\]]*)\]\([^)]*\)/g, '$1')
    const slug = visible
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
      .replaceAll(/\s/g, '-')
    let unique = slug
    for (let count = 1; anchors.has(unique); count += 1) unique = `${slug}-${count}`
    anchors.add(unique)
  }
  for (const [, id = ''] of text.matchAll(/<a (?:id|name)="([^"]+)"/g)) anchors.add(id)
  return anchors
}

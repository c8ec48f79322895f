import { isLiteral } from './topic.ts'

/** One token's place in the trie. Only wildcard patterns live here; every node leads to at least one of them. */
interface Node<V> {
  /** What this node is reached by; empty for the root. */
  readonly token: string
  /** The literal child, while there is only one: found without a Map, so without hashing a piece of the topic. */
  only: Node<V> | undefined
  /** All literal children, once there was a second one. */
  children: Map<string, Node<V>> | undefined
  star: Node<V> | undefined
  /** The value of the pattern that ends with this node's token. */
  value: V | undefined
  /** The value of the pattern that goes on from here with a final `>`. */
  tail: V | undefined
}

/** What `match` returns when nothing matches, so that an unrouted publish allocates nothing. */
const nothing: readonly never[] = Object.freeze([])

/**
 * Finds the values of all patterns that match a topic. Patterns and topics must be valid: nothing is checked here.
 *
 * Literal patterns live in a map, the others in a trie of tokens:
 *
 *     orders.*.paid, orders.>      root ─orders─ node ─*─ node ─paid─ value
 *                                                 └─tail: value
 *
 * A match visits at depth d at most min(2^d, wildcard patterns) nodes, because each step goes to the literal child
 * and to the star child, and every node leads to a pattern. So patterns made to hurt (`a.*.a.*`, `*.a.*.a`, …) cost
 * at most tokens × wildcard patterns, as a scan of all of them would; ordinary ones a few look-ups, however many.
 * Nothing is remembered about topics.
 */
export class PatternIndex<V extends NonNullable<unknown>> {
  readonly #literals = new Map<string, V>()
  readonly #root: Node<V> = newNode('')
  #wildcards = 0

  /** How many patterns it holds. */
  get size(): number {
    return this.#literals.size + this.#wildcards
  }

  /** How many of them have a wildcard. */
  get wildcards(): number {
    return this.#wildcards
  }

  /** The value of exactly this pattern. */
  get(pattern: string): V | undefined {
    if (isLiteral(pattern)) return this.#literals.get(pattern)
    const { path, isTail } = parse(pattern)
    let node: Node<V> | undefined = this.#root
    for (const token of path) node = node && childOf(node, token)
    return isTail ? node?.tail : node?.value
  }

  /** Stores a value under this pattern, in place of an earlier one. */
  set(pattern: string, value: V): void {
    if (isLiteral(pattern)) {
      this.#literals.set(pattern, value)
      return
    }
    const { path, isTail } = parse(pattern)
    let node = this.#root
    for (const token of path) node = childOf(node, token) ?? addChild(node, token)
    const before = isTail ? node.tail : node.value
    if (before === undefined) this.#wildcards += 1
    if (isTail) node.tail = value
    else node.value = value
  }

  /** Forgets this pattern and every node only it needed. Returns false when it was not there. */
  delete(pattern: string): boolean {
    if (isLiteral(pattern)) return this.#literals.delete(pattern)
    const { path, isTail } = parse(pattern)
    let node = this.#root
    const walked = [node]
    for (const token of path) {
      const child = childOf(node, token)
      if (child === undefined) return false
      walked.push(child)
      node = child
    }
    if ((isTail ? node.tail : node.value) === undefined) return false
    if (isTail) node.tail = undefined
    else node.value = undefined
    this.#wildcards -= 1
    prune(walked)
    return true
  }

  /**
   * The values of all patterns that match a topic: the literal one first, then the others, most specific first.
   * That is, compared token by token, a literal token goes before `*`, and `*` before `>`. Do not change the array.
   */
  match(topic: string): readonly V[] {
    const literal = this.#literals.get(topic)
    const found = literal === undefined ? undefined : [literal]
    if (this.#wildcards === 0) return found ?? nothing
    return collect(this.#root, topic, 0, found) ?? nothing
  }
}

/** Adds what matches the topic from the token at `start` on. Makes the array when there is something to put in. */
function collect<V>(node: Node<V>, topic: string, start: number, found: V[] | undefined): V[] | undefined {
  const { star, tail } = node
  const dot = topic.indexOf('.', start)
  const child = literalChild(node, topic, start, dot === -1 ? topic.length : dot)
  let all = found
  if (dot === -1) {
    if (child?.value !== undefined) all = append(all, child.value)
    if (star?.value !== undefined) all = append(all, star.value)
  } else {
    if (child !== undefined) all = collect(child, topic, dot + 1, all)
    if (star !== undefined) all = collect(star, topic, dot + 1, all)
  }
  return tail === undefined ? all : append(all, tail)
}

function append<V>(found: V[] | undefined, value: V): V[] {
  if (found === undefined) return [value]
  found.push(value)
  return found
}

/** The child for the token of the topic between `start` and `end`. */
function literalChild<V>(node: Node<V>, topic: string, start: number, end: number): Node<V> | undefined {
  const { only, children } = node
  if (only !== undefined) return isTokenAt(only.token, topic, start, end) ? only : undefined
  return children?.get(topic.slice(start, end))
}

function isTokenAt(token: string, topic: string, start: number, end: number): boolean {
  const length = end - start
  if (token.length !== length) return false
  for (let i = 0; i < length; i += 1) {
    if (token.charCodeAt(i) !== topic.charCodeAt(start + i)) return false
  }
  return true
}

function newNode<V>(token: string): Node<V> {
  return { token, only: undefined, children: undefined, star: undefined, value: undefined, tail: undefined }
}

/** The tokens that are nodes, and whether a final `>` follows them. */
function parse(pattern: string): { readonly path: readonly string[]; readonly isTail: boolean } {
  const tokens = pattern.split('.')
  const isTail = tokens.at(-1) === '>'
  return { path: isTail ? tokens.slice(0, -1) : tokens, isTail }
}

function childOf<V>(node: Node<V>, token: string): Node<V> | undefined {
  if (token === '*') return node.star
  return literalChild(node, token, 0, token.length)
}

function addChild<V>(node: Node<V>, token: string): Node<V> {
  const child = newNode<V>(token)
  const { only, children } = node
  if (token === '*') {
    node.star = child
  } else if (children !== undefined) {
    children.set(token, child)
  } else if (only === undefined) {
    node.only = child
  } else {
    node.only = undefined
    node.children = new Map([only, child].map((each) => [each.token, each]))
  }
  return child
}

function removeChild<V>(node: Node<V>, child: Node<V>): void {
  if (node.star === child) node.star = undefined
  else if (node.only === child) node.only = undefined
  else node.children?.delete(child.token)
  if (node.children?.size === 0) node.children = undefined
}

/** Cuts off the nodes at the end of a path that lead nowhere any more. `path` begins with the root, which stays. */
function prune<V>(path: readonly Node<V>[]): void {
  for (let depth = path.length - 1; depth > 0 && isEmpty(path[depth]!); depth -= 1) {
    removeChild(path[depth - 1]!, path[depth]!) // in range: 0 < depth < path.length
  }
}

function isEmpty<V>(node: Node<V>): boolean {
  const { only, children, star, value, tail } = node
  return [only, children, star, value, tail].every((part) => part === undefined)
}

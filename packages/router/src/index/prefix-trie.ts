interface TrieNode<T> {
  /** The text on the edge that leads here. */
  label: string;
  value: T | undefined;
  /** By the first character of their label. */
  children: Map<number, TrieNode<T>> | undefined;
}

/** A radix trie of prefixes. */
export class PrefixTrie<T> {
  readonly #root: TrieNode<T> = { label: "", value: undefined, children: undefined };
  #size = 0;

  /** How many prefixes it holds. */
  get size(): number {
    return this.#size;
  }

  /** Enters a prefix, once. */
  set(prefix: string, value: T): void {
    this.#size++;
    let node = this.#root;
    let at = 0;
    while (at < prefix.length) {
      const code = prefix.charCodeAt(at);
      const next = node.children?.get(code);
      if (next === undefined) {
        node.children ??= new Map();
        node.children.set(code, { label: prefix.slice(at), value, children: undefined });
        return;
      }
      const shared = sharedLength(next.label, prefix, at);
      if (shared < next.label.length) split(next, shared);
      node = next;
      at += shared;
    }
    node.value = value;
  }

  /** Visits the value of every prefix of a text, shortest first. */
  visit(text: string, receiver: { take(value: T): void }): void {
    let node: TrieNode<T> | undefined = this.#root;
    let at = 0;
    for (;;) {
      if (node.value !== undefined) receiver.take(node.value);
      if (at >= text.length) return;
      node = node.children?.get(text.charCodeAt(at));
      if (node === undefined || !text.startsWith(node.label, at)) return;
      at += node.label.length;
    }
  }
}

function sharedLength(label: string, text: string, at: number): number {
  let length = 0;
  while (length < label.length && label.charCodeAt(length) === text.charCodeAt(at + length)) length++;
  return length;
}

/** Puts a node of its own at the place where two prefixes part. */
function split<T>(node: TrieNode<T>, at: number): void {
  const tail: TrieNode<T> = { label: node.label.slice(at), value: node.value, children: node.children };
  node.label = node.label.slice(0, at);
  node.value = undefined;
  node.children = new Map([[tail.label.charCodeAt(0), tail]]);
}

/** Address family of a rule. iptables keeps one rule list for each; nft's `inet` tables hold both. */
export type Family = "ipv4" | "ipv6";

/** The program that loads the rules: iptables (either variant) or native nft. */
export type Backend = "iptables" | "nftables";

/** Tables of the packet filter, named as iptables names them. `filter` is used for guardrails only. */
export type Table = "raw" | "mangle" | "nat" | "filter";

/** Transport protocols the rules tell apart. */
export type Protocol = "tcp" | "udp";

/** One condition of a rule. All conditions of a rule must hold for its target to run. */
export type Match =
  | InterfaceMatch
  | ProtocolMatch
  | FamilyMatch
  | AddressMatch
  | PortMatch
  | OwnerMatch
  | MarkMatch
  | StateMatch
  | OpaqueMatch;

/** The packet came in, or will leave, through this interface. A trailing `+` is a prefix pattern, in iptables only. */
export interface InterfaceMatch {
  /** Which side of the machine is looked at. */
  readonly kind: "in-interface" | "out-interface";
  /** Interface name, for example `lo`. */
  readonly name: string;
  /** The condition holds for every other interface. */
  readonly negated?: true;
}

/** The packet's transport protocol. */
export interface ProtocolMatch {
  /** Tag of this condition. */
  readonly kind: "protocol";
  /** The protocol asked for: a name or a number. */
  readonly protocol: string;
  /** Present when only this back end's form of the rule has the condition. In nft a port match names its protocol. */
  readonly only?: Backend;
  /** The condition holds for every other protocol. */
  readonly negated?: true;
}

/** The packet's address family; only nft rules, which see both, have it. */
export interface FamilyMatch {
  /** Tag of this condition. */
  readonly kind: "family";
  /** The family asked for. */
  readonly family: Family;
}

/** The packet's source or destination address. */
export interface AddressMatch {
  /** Which address is looked at. */
  readonly kind: "source" | "destination";
  /** `address/bits`, host bits as the user typed them. */
  readonly range: string;
  /** The condition holds outside of the range. */
  readonly negated?: true;
}

/** The packet's source or destination port. */
export interface PortMatch {
  /** Which port is looked at. */
  readonly kind: "source-port" | "destination-port";
  /** Transport protocol the ports belong to. */
  readonly protocol: Protocol;
  /** Ports as the user typed them: a number, a range `a:b` or a service name. Any one of them matches. */
  readonly ports: readonly string[];
  /** The condition holds for every other port. */
  readonly negated?: true;
}

/** Who opened the sending socket. Supplementary groups do not count. */
export interface OwnerMatch {
  /** Whether the user or the primary group is looked at. */
  readonly kind: "owner-user" | "owner-group";
  /** Numeric id or name. */
  readonly id: string;
  /** The condition holds for everybody else. */
  readonly negated?: true;
}

/** The mark of the packet (`mark`) or of its connection (`connection-mark`). */
export interface MarkMatch {
  /** Whose mark is looked at. */
  readonly kind: "mark" | "connection-mark";
  /** Decimal or hexadecimal, optionally `value/mask`. */
  readonly value: string;
  /** The condition holds for every other mark. */
  readonly negated?: true;
}

/** The connection-tracking state of the packet. */
export interface StateMatch {
  /** Tag of this condition. */
  readonly kind: "connection-state";
  /** States in the order they are written, upper case. Any one of them matches. */
  readonly states: readonly string[];
}

/** A condition of a foreign rule that this package does not model. Kept as it was, so that a rule survives a round trip. */
export interface OpaqueMatch {
  /** Tag of this condition. */
  readonly kind: "opaque";
  /** The words as they were read. */
  readonly words: readonly string[];
}

/** What happens to a packet that meets all conditions of a rule. */
export type Target =
  | VerdictTarget
  | JumpTarget
  | RedirectTarget
  | TproxyTarget
  | SetMarkTarget
  | CopyMarkTarget
  | ZoneTarget
  | OpaqueTarget;

/** A verdict without parameters; `continue` is a rule without a target, which only counts. */
export interface VerdictTarget {
  /** The verdict. */
  readonly kind: "return" | "accept" | "drop" | "continue";
}

/** Evaluation goes on in another chain; after `goto` it does not come back to this one. */
export interface JumpTarget {
  /** Whether evaluation returns here. */
  readonly kind: "jump" | "goto";
  /** Chain name, as iptables spells it. */
  readonly chain: string;
}

/** The connection goes to a port of this machine instead; the listener finds the original destination in conntrack. */
export interface RedirectTarget {
  /** Tag of this target. */
  readonly kind: "redirect";
  /** Local port. */
  readonly port: string;
}

/** The packet is given to a transparent socket without being rewritten. */
export interface TproxyTarget {
  /** Tag of this target. */
  readonly kind: "tproxy";
  /** Local port. */
  readonly port: string;
  /** Mark the packet gets; policy routing sends that mark to loopback. */
  readonly mark: string;
}

/** The packet gets a mark. */
export interface SetMarkTarget {
  /** Tag of this target. */
  readonly kind: "set-mark";
  /** The mark, decimal or hexadecimal. */
  readonly mark: string;
}

/** The mark is copied from packet to connection (`save-mark`) or back (`restore-mark`). */
export interface CopyMarkTarget {
  /** Direction of the copy. */
  readonly kind: "save-mark" | "restore-mark";
}

/** The packet is tracked in its own conntrack zone. */
export interface ZoneTarget {
  /** Tag of this target. */
  readonly kind: "zone";
  /** Zone number. */
  readonly zone: string;
}

/** A target of a foreign rule that this package does not model. */
export interface OpaqueTarget {
  /** Tag of this target. */
  readonly kind: "opaque";
  /** The words as they were read. */
  readonly words: readonly string[];
}

/** One rule, as data. Renderers write it for a back end; the walk evaluates it. */
export interface Rule {
  /** Table the rule stands in. */
  readonly table: Table;
  /** Chain name as iptables spells it: `PREROUTING`, `ISTIO_OUTPUT`. */
  readonly chain: string;
  /** Families the rule is meant for, IPv4 first. */
  readonly families: readonly Family[];
  /** 1-based place at which the rule is inserted when it is loaded. Absent: it is appended. */
  readonly position?: number;
  /** Conditions, in the order iptables writes them. */
  readonly matches: readonly Match[];
  /** What happens to a packet that meets them. */
  readonly target: Target;
  /** Why the rule exists, in one sentence. Empty for rules read from a machine. */
  readonly why: string;
}

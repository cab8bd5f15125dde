import { expect, test } from "vitest";
import { formatPlan, type Planned, planChange } from "../../packages/xds/src/change-plan.js";
import { T } from "./opaque.js";

function planned(
  typeUrl: string,
  name: string,
  version: string,
  ...references: readonly (readonly [string, string])[]
): Planned {
  return {
    typeUrl,
    name,
    version,
    references: references.map(([type, to]) => ({ typeUrl: type, name: to, path: "p" })),
  };
}

const FROM = [
  planned(T.CDS, "old", "1", [T.EDS, "old"]),
  planned(T.EDS, "old", "1"),
  planned(T.RDS, "r", "1", [T.CDS, "old"]),
  planned(T.LDS, "l", "1", [T.RDS, "r"]),
];
const TO = [
  planned(T.CDS, "new", "1", [T.EDS, "new"]),
  planned(T.EDS, "new", "1"),
  planned(T.RDS, "r", "2", [T.CDS, "new"]),
  planned(T.LDS, "l", "1", [T.RDS, "r"]),
];

test("O2: what is referred to comes first, then what refers moves, then what is left goes; nothing dangles", () => {
  expect(formatPlan(planChange(FROM, TO))).toBe(`phase 1, add, then wait for CDS, EDS to be acknowledged, at most 5 s
  + CDS new
  + EDS new
phase 2, repoint, then wait for RDS to be acknowledged, at most 5 s
  ~ RDS r
phase 3, remove
  - EDS old
  - CDS old
no phase has a dangling reference
`);
});

test("O2: a plan says where something would dangle", () => {
  const to = TO.filter(({ typeUrl, name }) => typeUrl !== T.CDS || name !== "new");
  const text = formatPlan(planChange(FROM, to));
  expect(text).toContain('  ! r p: refers to Cluster "new", which is not in the snapshot');
  expect(text).toContain("2 dangling references");
});

test("O2: equal snapshots need nothing", () => {
  expect(formatPlan(planChange(FROM, FROM))).toBe("nothing to do\n");
});

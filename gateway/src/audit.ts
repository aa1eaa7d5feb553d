/**
 * The audit log: one JSON line for every program that steering decided on for a request, before it acts. It goes to the
 * file `TRIMTAB_AUDIT_LOG` (appended, mode 600), else to the log at level info. No prompt and no key is in it. What cannot be
 * written down does not act.
 */
import { appendFileSync } from "node:fs";
import { TrimtabError } from "#kit/errors.ts";
import { createLogger, type LogFields } from "#kit/log.ts";
import type { PlanReport, SteeringUse } from "#proto/trimtab/steering/v1/steering_service_pb.ts";
import type { ProgramBinding } from "#proto/trimtab/type/v1/program_pb.ts";
import type { CallScope } from "./clients.ts";

/** What a program was decided on. */
export interface AppliedProgram {
  readonly modelDigest: string;
  readonly use: SteeringUse;
  readonly report: PlanReport;
  readonly program: ProgramBinding;
}

/** Writes down programs. */
export type Audit = (applied: AppliedProgram, scope: CallScope) => void;

/**
 * Creates the log. @param write takes the fields of a line; default: the file or the log, see above
 * @throws TrimtabError INVALID_ARGUMENT for a file that cannot be written. The log throws STEERING_UNAVAILABLE when it is so later.
 */
export function createAudit(write: (fields: LogFields) => void = defaultWriter()): Audit {
  return ({ modelDigest, use, report, program }, { terms }) =>
    write({
      event: "program",
      key: terms?.key ?? "",
      model: modelDigest,
      steering:
        report.parts.length > 0 ? report.parts.map(({ resolved }) => resolved).join(" ") : report.resolved,
      program: program.programDigest,
      operations: program.coefficients.length,
      gate: report.gate,
      largest_dose: Math.max(0, ...report.relativeDoses),
      scale: use.scale ?? 1,
      weights: report.layerWeightsSource,
      ...(report.rule === "" ? {} : { rule: report.rule }),
    });
}

function defaultWriter(): (fields: LogFields) => void {
  const path = process.env.TRIMTAB_AUDIT_LOG ?? "";
  if (path === "") {
    const logger = createLogger("audit");
    return (fields) => logger.log("info", "program", fields);
  }
  const append = (line: string): void => appendFileSync(path, line, { mode: 0o600 });
  try {
    append("");
  } catch (cause) {
    const message = `the audit log ${path} cannot be written`;
    throw new TrimtabError("INVALID_ARGUMENT", message, { field: "TRIMTAB_AUDIT_LOG", cause });
  }
  const logger = createLogger("audit", { level: "info", write: append });
  return (fields) => {
    try {
      logger.log("info", "program", fields);
    } catch (cause) {
      const message = "the audit log cannot be written; nothing was generated";
      throw new TrimtabError("STEERING_UNAVAILABLE", message, { cause });
    }
  };
}

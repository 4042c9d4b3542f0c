// Puts the types of the library into one file that imports nothing but what is installed with it: what they say by means of
// a schema is written out. Packing runs this: nothing else needs it.
import { spawnSync } from 'node:child_process';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { rolldown } from 'rolldown';
import { dts } from 'rolldown-plugin-dts';
import ts from 'typescript';

const root = dirname(import.meta.dirname);
const dist = join(root, 'dist');
const declared = join(dist, 'declared');
const tsc = join(root, 'node_modules/typescript-native/bin/tsc');
const parameters = [tsc, '-p', 'tsconfig.build.json', '--outDir', declared];
const { status } = spawnSync(process.execPath, parameters, { cwd: root, stdio: 'inherit' });
if (status !== 0) throw new Error('The types of the sources cannot be written.');
const bundled = await rolldown({
  input: { library: join(declared, 'library/rivya-batch.d.ts') },
  external: (id) => !/^[./]/.test(id),
  plugins: [dts({ dtsInput: true, tsconfig: false })],
  checks: { pluginTimings: false },
});
await bundled.write({ dir: join(dist, 'bin'), format: 'es' });
await bundled.close();
rmSync(declared, { recursive: true });
const path = join(dist, 'bin/library.d.ts');
writeFileSync(path, withoutSchemas(path));

/** Types that are inferred from a schema become what they are, and the schemas go. */
function withoutSchemas(path) {
  const program = ts.createProgram([path], {
    strict: true,
    exactOptionalPropertyTypes: true,
    module: ts.ModuleKind.NodeNext,
    target: ts.ScriptTarget.ES2023,
    types: ['node'],
  });
  const source = program.getSourceFile(path);
  const checker = program.getTypeChecker();
  const whole = ts.TypeFormatFlags.NoTruncation | ts.TypeFormatFlags.InTypeAlias;
  let text = readFileSync(path, 'utf8');
  for (const statement of [...source.statements].reverse()) {
    const said = statement.getText(source);
    const isSchema = ts.isVariableStatement(statement) && /: z\./.test(said);
    const isImport = ts.isImportDeclaration(statement) && /from "zod"/.test(said);
    let instead = said;
    if (isSchema || isImport) instead = '';
    else if (ts.isTypeAliasDeclaration(statement) && /\bz\.infer</.test(said)) {
      const type = checker.getTypeAtLocation(statement.name);
      instead = `type ${statement.name.text} = ${checker.typeToString(type, statement, whole)};`;
    }
    text = text.slice(0, statement.getStart(source)) + instead + text.slice(statement.end);
  }
  return text;
}

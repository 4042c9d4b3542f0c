// Writes docs/recipe.schema.json, with which editors complete and check recipes.
import { writeFileSync } from 'node:fs';
import { recipeJsonSchema } from '../dist/cli/options/recipe-schema.js';

const path = new URL('../docs/recipe.schema.json', import.meta.url);
writeFileSync(path, `${JSON.stringify(recipeJsonSchema(), null, 2)}\n`);

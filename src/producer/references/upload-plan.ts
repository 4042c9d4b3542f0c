import type { ReferenceFile } from '../../shared/reference-items.js';

/** Which files an input needs, and how many uploads that makes: one for each content and model. */
export class UploadPlan {
  private readonly byContent = new Map<string, ReferenceFile>();
  private readonly pairs = new Set<string>();

  add(model: string, files: readonly ReferenceFile[]): void {
    for (const file of files) {
      if (!this.byContent.has(file.sha256)) this.byContent.set(file.sha256, file);
      this.pairs.add(`${file.sha256} ${model}`);
    }
  }

  files(): ReferenceFile[] {
    return [...this.byContent.values()];
  }

  get count(): number {
    return this.pairs.size;
  }
}

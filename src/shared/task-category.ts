import { z } from 'zod';

export const taskCategorySchema = z.enum(['image', 'audio', 'video']);
/** What a task makes. */
export type TaskCategory = z.infer<typeof taskCategorySchema>;

/** How a task is watched; one of a model that no list knows like a video: longest, and asked least often. */
export function watchedAs(category: TaskCategory | null): TaskCategory {
  return category ?? 'video';
}
